"""Running a contract-1 model with onnxruntime on the device that was asked for."""
