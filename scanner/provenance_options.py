"""From the options of ``scan`` to what C2PA manifests are checked with."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from models.support.dependencies import require_extra
from models.support.errors import Failure
from scanner.media.provenance import credentials
from scanner.results.credentials import TrustList, Verification

_DISTRIBUTION = "c2pa-python"
_MOST_BYTES = 16 << 20
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class TrustListError(Failure):
    """The trust list cannot be used."""


def verification_of(trust_list: Path | None) -> tuple[Verification | None, str | None]:
    """What manifests are checked with, and what is to be said; ``None`` without the library.

    Raises :class:`TrustListError`, or ``MissingExtra`` for a list that nothing could be checked against.
    """
    if trust_list is not None:
        require_extra("c2pa", ["c2pa"], needed_by="--trust-list", otherwise="or leave it out")
    try:
        found = version(_DISTRIBUTION)
    except PackageNotFoundError:
        return None, None
    if not found.startswith(credentials.KNOWN):
        words = f"{_DISTRIBUTION} {found} is installed; this release knows {credentials.KNOWN}x"
        if trust_list is not None:
            raise TrustListError(f'{words}: pip install "deepfake-scanner[c2pa]", or leave out --trust-list')
        return None, f"note: {words}, so C2PA manifests are not checked"
    known = None if trust_list is None else _read(trust_list)
    try:
        credentials.prepare("" if known is None else known.pem)
    except Exception as error:  # noqa: BLE001 - a library that cannot be loaded raises anything
        if trust_list is not None:
            raise TrustListError(f"the trust list {trust_list} cannot be used: {error}") from None
        return None, f"note: {_DISTRIBUTION} cannot be loaded ({error}), so C2PA manifests are not checked"
    return Verification(found, known), None


def _read(path: Path) -> TrustList:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except OSError as error:
        raise TrustListError(f"the trust list {path} cannot be read: {error.strerror}") from None
    certificates = _CERTIFICATE.findall(content.decode("latin-1"))
    if not certificates or len(content) > _MOST_BYTES:
        raise TrustListError(f"the trust list {path} holds no certificates; give a file in PEM")
    pem = "\n".join(certificates) + "\n"
    return TrustList(str(path), hashlib.sha256(content).hexdigest(), modified, len(certificates), pem)
