"""Small pictures for people, decoded under the same guard as everything else."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence

from models.contract import InputSpec
from models.faces.rules import FaceRules
from scanner.media import Limits
from scanner.results import FileResult
from scanner.results.names import decode_path
from scanner.sandbox.pool import DecodePool
from scanner.sources import Candidate, MediaKind

EDGE = 128
QUALITY = 75


def thumbnails(
    results: Sequence[FileResult], limits: Limits, spec: InputSpec, faces: FaceRules
) -> Iterator[str | None]:
    """A ``data:`` URI for each, as the model saw it; ``None`` where the file has changed since, or is gone."""
    from PIL import Image

    names = [result.path for result in results]
    candidates = [Candidate(decode_path(name), name, MediaKind.IMAGE, explicit=True) for name in names]
    with DecodePool(1, limits, spec, faces=faces) as decoders:
        for result, decoded in zip(results, decoders.decode(candidates), strict=True):
            if not decoded.pictures or decoded.result.sha256 != result.sha256:
                yield None
                continue
            deciding = decoded.pictures[result.findings.index(result.deciding) if result.deciding else 0]
            out = io.BytesIO()
            picture = Image.frombytes("RGB", (spec.size, spec.size), deciding.pixels)
            picture.resize((EDGE, EDGE), Image.Resampling.BILINEAR).save(out, "JPEG", quality=QUALITY)
            yield "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
