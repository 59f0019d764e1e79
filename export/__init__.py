"""From a checkpoint to a proven ONNX file that follows contract 1."""
