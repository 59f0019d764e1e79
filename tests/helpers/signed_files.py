"""Pictures signed by our own certificates, with the library that checks them: nothing here comes from outside."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from heic_files import QUARTERS, placed_in_file
from PIL import Image

MIME = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
}
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@dataclass(frozen=True)
class Authority:
    """A root certificate with its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @classmethod
    def new(cls, name: str = "Test root") -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(name, name, key, timedelta(3650)).add_extension(
            x509.BasicConstraints(True, None), critical=True
        )
        return cls(
            key, made.add_extension(_usage(signs_certificates=True), critical=True).sign(key, hashes.SHA256())
        )

    def signer(self, lasts: timedelta = timedelta(365)) -> tuple[bytes, bytes]:
        """Chain and key of a signer, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        made = (
            _certificate("Toy Press", str(issuer), key, lasts)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return made.public_bytes(serialization.Encoding.PEM) + self.pem.encode(), secret


@cache
def root() -> Authority:
    return Authority.new()


def plain(format: str = "JPEG") -> bytes:
    if format == "HEIC":
        return placed_in_file(QUARTERS)
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, format)
    return out.getvalue()


def actions(
    action: str = "c2pa.created", source: str | None = "trainedAlgorithmicMedia"
) -> list[dict[str, Any]]:
    return [{"action": action, **({"digitalSourceType": SOURCE + source} if source else {})}]


def signed(
    format: str = "JPEG",
    done: list[dict[str, Any]] | None = None,
    authority: Authority | None = None,
    lasts: timedelta = timedelta(365),
    address: str | None = None,
) -> bytes:
    """A picture with a manifest of these actions; with ``address`` it names one that lies there instead."""
    import c2pa

    chain, key = (authority or root()).signer(lasts)
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key, None))
    settings = c2pa.Settings.from_dict(
        {
            "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
            "builder": {"thumbnail": {"enabled": False}},
        }
    )
    manifest = {
        "claim_generator_info": [{"name": "Toy Maker", "version": "1.2"}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": done or actions()}}],
    }
    builder = c2pa.Builder(manifest, context=c2pa.Context(settings))
    if address is not None:
        builder.set_no_embed()
        builder.set_remote_url(address)
    out = io.BytesIO()
    builder.sign(signer, MIME[format], io.BytesIO(plain(format)), out)
    return out.getvalue()


def flipped(data: bytes) -> bytes:
    """With one bit of the picture turned over, and the manifest as it was."""
    place = data.rindex(b"\xff\xd9") - 20
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _certificate(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(10))
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    parts = ((NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, text), (NameOID.COMMON_NAME, text))
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
