"""Who vouches for names: an authority of our own, and certificates of every kind that a proxy can come to show."""

from __future__ import annotations

import dataclasses
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fedhood.kernel.clock import Clock

if TYPE_CHECKING:
    from pathlib import Path

_DAY = timedelta(days=1)
_PEM = serialization.Encoding.PEM


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate with its chain, and its key, as PEM."""

    chain: bytes
    key: bytes

    def context(self, folder: Path) -> ssl.SSLContext:
        """What a server shows it with; it passes through a file in this folder."""
        file = folder / "shown.pem"
        file.write_bytes(self.chain + self.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context


class Authority:
    """Vouches for names; `pem` is what who trusts it keeps."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        now = Clock().now()
        own = (
            x509.CertificateBuilder(self._name, self._name, self._key.public_key(), x509.random_serial_number())
            .not_valid_before(now - 800 * _DAY)
            .not_valid_after(now + 800 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        )
        self.pem = own.sign(self._key, hashes.SHA256()).public_bytes(_PEM)

    def vouch(self, host: str, *, days_left: int = 80) -> Certificate:
        """A certificate of 90 days, of which so many are left: fewer than none when it has lapsed, more than 90 when
        it does not hold yet."""
        key = ec.generate_private_key(ec.SECP256R1())
        end = Clock().now() + days_left * _DAY
        signed = (
            x509.CertificateBuilder(self._name, _named(host), key.public_key(), x509.random_serial_number())
            .not_valid_before(end - 90 * _DAY)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        secret = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Certificate(chain=signed.public_bytes(_PEM), key=secret)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
