"""What came of checking a file's C2PA manifest, and what it was checked with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class CredentialState(StrEnum):
    """How far a manifest can be relied on."""

    TRUSTED = "trusted"
    """Intact, and signed by somebody on the trust list."""
    VALID = "valid"
    """Intact, signed by anybody."""
    INVALID = "invalid"
    """Not what was signed, or not signed as it must be."""
    REMOTE = "remote"
    """Elsewhere, at an address that is never opened."""
    UNREADABLE = "unreadable"
    """Not even that can be told."""


WORDS = {
    CredentialState.TRUSTED: "intact, signed by somebody on the trust list",
    CredentialState.VALID: "intact, signed by anybody",
    CredentialState.INVALID: "not as it was signed",
    CredentialState.REMOTE: "elsewhere, and not fetched",
    CredentialState.UNREADABLE: "cannot be read",
}
"""For people."""


@dataclass(frozen=True)
class Credentials:
    """Of one file. Texts are the manifest's, printable and short."""

    state: CredentialState
    signer: str | None = None
    """The organisation in the certificate."""
    time: str | None = None
    """Of the signature, where a time stamp says it."""
    generator: str | None = None
    """The program that made the claim."""
    sources: tuple[str, ...] = ()
    """IPTC digital source types of all actions."""
    actions: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    """Codes of the C2PA specification, or of ours where no manifest could be read."""
    remarks: tuple[str, ...] = ()
    """Codes that are neither failures nor successes."""
    successes: tuple[str, ...] = ()

    @property
    def is_of_the_day(self) -> bool:
        """Whether the same bytes may be judged otherwise later: certificates end, and machines fail."""
        return self.state in (CredentialState.TRUSTED, CredentialState.VALID) or ENDED in self.failures

    def values(self) -> dict[str, Any]:
        """As JSON holds them."""
        return asdict(self)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Credentials:
        """Of :meth:`values`. Raises ``ValueError``, ``TypeError`` or ``KeyError`` for others."""

        def text(name: str) -> str | None:
            return None if values[name] is None else str(values[name])

        def texts(name: str) -> tuple[str, ...]:
            return tuple(map(str, values[name]))

        return cls(
            CredentialState(values["state"]),
            text("signer"),
            text("time"),
            text("generator"),
            texts("sources"),
            texts("actions"),
            texts("failures"),
            texts("remarks"),
            texts("successes"),
        )


UNVERIFIED = "c2pa"
"""The fact of a manifest that was seen and not checked."""
ENDED = "decoder.ended"
"""The failure of a manifest that ended the process which checked it."""


@dataclass(frozen=True)
class TrustList:
    """The certificates that a signer's must come from."""

    file: str
    sha256: str
    modified: str
    """The file's date."""
    certificates: int
    pem: str = field(repr=False)


@dataclass(frozen=True)
class Verification:
    """What manifests are checked with."""

    library: str
    """Version of c2pa-python, which names that of c2pa-rs inside."""
    trust_list: TrustList | None = None

    def facts(self) -> dict[str, str | None]:
        """What the outcome depends on."""
        return {
            "c2pa": self.library,
            "trust_list": None if self.trust_list is None else self.trust_list.sha256,
        }
