"""From what a model says of itself to what it is given."""

from __future__ import annotations

from models.contract import FACE_PREPROCESS_VERSION, InputSpec, ModelMetadata
from models.preprocessing.laws import LAWS
from models.support.errors import ModelFileError


def input_spec(metadata: ModelMetadata, edge: int, *, where: str) -> InputSpec:
    """``edge``: of the square that its graph takes. Raises :class:`ModelFileError` for a law that this version does
    not have, for faces that it would find or cut in another way, and for a face detector that is missing or altered."""
    if metadata.preprocess not in LAWS:
        known = ", ".join(map(str, LAWS))
        raise ModelFileError(
            f"{where} follows preprocess {metadata.preprocess}, this version has {known}; use the one it came with"
        )
    if metadata.preprocess != FACE_PREPROCESS_VERSION:
        return InputSpec(metadata.preprocess, edge)
    from models.faces.law import face_law
    from models.faces.yunet import shipped_bytes

    faces = metadata.faces or {}
    margin = faces.get("margin")
    ours = face_law(float(margin)) if isinstance(margin, int | float) and margin > 0 else {}
    if faces != ours:
        other = sorted(name for name in {**faces, **ours} if faces.get(name) != ours.get(name))
        raise ModelFileError(
            f"{where} was trained on faces that this version would not find or cut in the same way "
            f"({', '.join(other) or 'margin'}); use the one it came with"
        )
    shipped_bytes()
    return InputSpec(metadata.preprocess, edge, float(faces["margin"]))
