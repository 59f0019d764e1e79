"""What ``scan --version`` prints."""

from __future__ import annotations

from pathlib import Path

from models.support.errors import ModelFileError
from models.support.onnx_runtime import load_onnxruntime
from models.support.release import tool_version
from models.weights import DEFAULT, resolve_model, shipped_names, shipped_weights
from scanner.results.identity import library_versions


def version_text() -> str:
    """Versions of the tool and its libraries, onnxruntime's providers, the shipped model's hash and licence."""
    onnxruntime = load_onnxruntime()

    lines = [f"deepfake-scanner {tool_version()} (Apache-2.0)"]
    lines += [f"  {name} {number}" for name, number in library_versions().items()]
    lines.append(f"  providers compiled in: {', '.join(onnxruntime.get_available_providers())}")
    for name in (DEFAULT, *(name for name in shipped_names() if name != DEFAULT)):
        try:
            card = shipped_weights(name).card
            _, sha256 = resolve_model(None if name == DEFAULT else Path(name))
            chosen = "" if name == DEFAULT else f" (--model {name})"
            lines.append(f"model {card.get('name')} {card.get('version')}, SHA-256 {sha256}{chosen}")
            lines.append(f"  licence of the weights: {card.get('license')}")
        except ModelFileError as error:
            lines.append(f"model: {error}")
    return "\n".join(lines)
