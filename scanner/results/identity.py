"""What a result depends on besides a file's bytes, told once: manifest, journal header and cache key derive from it.

Not in it: the limits (the journal compares them, the cache checks them for each result) and all that is applied to
results afterwards (threshold, baseline, formats).
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from models.support.release import tool_version
from scanner.results.model import ModelFacts
from scanner.results.record import RECORD_VERSION

OF_EXTRAS = ("pi-heif", "py7zr", "pypdfium2", "rawpy")
"""Which open what is an error without them."""
LIBRARIES = (
    "onnxruntime-gpu",
    "onnxruntime",
    "openvino",
    "pillow",
    "numpy",
    "av",
    *OF_EXTRAS,
    "click",
    "tqdm",
)
_CODECS = ("jpg", "libjpeg_turbo", "zlib", "zlib_ng", "webp", "libtiff", "avif")
"""Pillow's names for the libraries that decode."""
_CODE = (
    "models",
    *(f"scanner/{room}" for room in ("engine", "inference", "media", "results", "sandbox", "sources")),
)
"""Which code takes bytes to facts and numbers."""


@dataclass(frozen=True)
class Identity:
    """Plain values; two scans that differ in one of them may see other things in the same bytes."""

    tool: str
    """Its version."""
    code: str
    """Of a checkout, or an installation from one, the version tells too little: the hash of the code itself."""
    record: int
    """Which facts a result holds."""
    libraries: Mapping[str, str]
    """Full versions of those that were loaded to take bytes to numbers, the runtime among them."""
    codecs: Mapping[str, str | None]
    """Inside Pillow; ``None`` for one that it was built without."""
    model: str
    """SHA-256 of the file."""
    preprocess: int
    faces: Mapping[str, Any] | None
    """Which are judged; ``None`` for a model of whole pictures."""
    verification: Mapping[str, str | None] | None
    """Of C2PA manifests: library and trust list; ``None`` if they are not checked."""
    sampling: Mapping[str, Any] | None
    """Which frames are looked at; ``None`` where films are not, and of pictures the first is."""
    device: str
    """Its kind: two GPUs of a machine count as one."""
    provider: str
    precision: str

    @classmethod
    def of(cls, model: ModelFacts) -> Identity:
        """Of the scans with this model in this process."""
        import numpy
        import PIL
        from PIL import features

        return cls(
            tool=tool_version(),
            code=code_fingerprint(),
            record=RECORD_VERSION,
            libraries={
                **model.libraries,
                "pillow": PIL.__version__,
                "numpy": numpy.__version__,
                **_of_films(model),
                **_installed(OF_EXTRAS),
            },
            codecs={name: features.version(name) for name in _CODECS},
            model=model.sha256,
            preprocess=model.metadata.preprocess,
            faces=asdict(model.faces) if model.of_faces else None,
            verification=None if model.verification is None else model.verification.facts(),
            sampling=None if model.sampling.is_default else asdict(model.sampling),
            device=model.device.partition(":")[0],
            provider=model.provider,
            precision=model.metadata.precision,
        )

    def facts(self) -> dict[str, Any]:
        """For a JSON file."""
        return asdict(self)

    def key(self) -> str:
        """One text for all of it."""
        return json.dumps(self.facts(), sort_keys=True)


def _of_films(model: ModelFacts) -> dict[str, str]:
    """PyAV, whose wheels hold FFmpeg, where films are looked into."""
    return {"av": version("av")} if model.sampling.video else {}


def library_versions() -> dict[str, str]:
    """The versions of Python and of what a scan uses, as far as installed."""
    return {"python": platform.python_version(), **_installed(LIBRARIES)}


def _installed(names: Iterable[str]) -> dict[str, str]:
    return {name: found for name in names if (found := _version(name)) is not None}


@cache
def _version(name: str) -> str | None:
    # Manifest, journal and cache ask, and each answer is a file to parse.
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache
def code_fingerprint() -> str:
    """The first 16 digits of a SHA-256 of the source files; the same for all that have none beside them."""
    home, digest = Path(__file__).parents[2], sha256()
    for place in _CODE:
        path = home / place
        for file in [path] if path.suffix else sorted(path.rglob("*.py")):
            if file.is_file():
                content = file.read_bytes()
                digest.update(f"{file.relative_to(home).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
