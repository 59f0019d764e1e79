"""A C2PA manifest checked by c2pa-python (extra ``[c2pa]``), which opens no connection as it is told here.

Sources: C2PA 2.1 (validation, status codes), https://github.com/contentauth/c2pa-rs (settings). The library takes
settings that it does not know in silence, so another release than the known ones is not used: :data:`KNOWN`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from scanner.media.provenance.said import clean
from scanner.results.credentials import ENDED, Credentials, CredentialState, Verification

KNOWN = "0.38."
"""How the versions begin whose settings are known to keep it off the network."""
_OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    # Identity assertions may name a document at an address.
    "core": {"allowed_network_hosts": [], "decode_identity_assertions": False},
}
_STATES = {
    "Trusted": CredentialState.TRUSTED,
    "Valid": CredentialState.VALID,
    "Invalid": CredentialState.INVALID,
}
_MOST, _LONGEST = 64, 80

Check = Callable[[bytes], Credentials]
Aside = Callable[[], AbstractContextManager[None]]


def checker(
    verification: Verification | None, *, spare: bool = False, aside: Aside = nullcontext
) -> Check | None:
    """``None`` where nothing is checked; ``spare``: the library ended a process over this file before.

    ``aside`` is entered around the library: whatever ends the process in it is no fault of the picture.
    """
    if verification is None:
        return None
    if spare:
        return lambda _: Credentials(CredentialState.UNREADABLE, failures=(ENDED,))
    pem = "" if verification.trust_list is None else verification.trust_list.pem

    def check(data: bytes) -> Credentials:
        with aside():
            return credentials(data, pem)

    return check


def prepare(pem: str) -> None:
    """Load the library, so that no file pays for it. Raises whatever loading it, or reading the list, raises."""
    _context(pem)


def credentials(data: bytes, pem: str = "") -> Credentials:
    """Of a file that holds a manifest; without a trust list nothing is trusted."""
    import c2pa

    try:
        with c2pa.Reader(_mime(data[:32]), io.BytesIO(data), context=_context(pem)) as reader:
            state = _STATES.get(str(reader.get_validation_state()), CredentialState.UNREADABLE)
            report = json.loads(reader.json())
    except c2pa.C2paError as error:
        return _not_read(str(error))
    except (ValueError, MemoryError, RecursionError) as error:
        return _not_read(type(error).__name__)
    if state is CredentialState.TRUSTED and not pem:
        state = CredentialState.VALID
    return _told(state, report)


@cache
def _context(pem: str) -> Any:
    import c2pa

    trust = {"trust": {"trust_anchors": pem}} if pem else {}
    return c2pa.Context(c2pa.Settings.from_dict({**_OFFLINE, **trust}))


def _not_read(message: str) -> Credentials:
    kind = message.partition(":")[0]
    if kind == "Remote":
        return Credentials(CredentialState.REMOTE)
    return Credentials(CredentialState.UNREADABLE, failures=(_short(kind) or "unknown",))


def _told(state: CredentialState, report: Any) -> Credentials:
    manifests = _get(report, "manifests")
    active = _get(manifests, str(_get(report, "active_manifest")))
    signature = _get(active, "signature_info")
    actions = [action for one in _values(manifests) for action in _actions(one)]
    results = _get(_get(report, "validation_results"), "activeManifest")
    return Credentials(
        state,
        signer=_text(_get(signature, "issuer")) or _text(_get(signature, "common_name")),
        time=_text(_get(signature, "time")),
        generator=_generator(active),
        sources=_some(str(_get(one, "digitalSourceType") or "").rpartition("/")[2] for one in actions),
        actions=_some(_get(one, "action") for one in actions),
        failures=_some(
            _get(one, "code") for one in (*_list(results, "failure"), *_list(report, "validation_status"))
        ),
        remarks=_some(_get(one, "code") for one in _list(results, "informational")),
        successes=_some(_get(one, "code") for one in _list(results, "success")),
    )


def _actions(manifest: Any) -> Iterator[Any]:
    for assertion in _list(manifest, "assertions"):
        if str(_get(assertion, "label")).startswith("c2pa.actions"):
            yield from _list(_get(assertion, "data"), "actions")


def _generator(manifest: Any) -> str | None:
    for info in _list(manifest, "claim_generator_info"):
        return _text(f"{_get(info, 'name') or ''} {_get(info, 'version') or ''}")
    return _text(_get(manifest, "claim_generator"))


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: Any, key: str) -> list[Any]:
    found = _get(value, key)
    return found if isinstance(found, list) else []


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []


def _some(texts: Iterator[Any]) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(dict.fromkeys(text for one in texts if (text := _text(one))))[:_MOST]


def _text(value: Any) -> str | None:
    return _short(value) or None if isinstance(value, str) else None


def _short(text: str) -> str:
    return clean(text[: 4 * _LONGEST])[:_LONGEST]


def _mime(head: bytes) -> str:
    if head.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG"):
        return "image/png"
    if head.startswith(b"RIFF"):
        return "image/webp"
    if head.startswith(b"GIF8"):
        return "image/gif"
    if head[4:8] == b"ftyp":
        return "image/avif" if head[8:12] in (b"avif", b"avis") else "image/heic"
    return "image/tiff"
