"""Certificate authorities of a case's own, and what they sign."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass
class Certificate:
    """A certificate with its key, as files."""

    certificate: Path
    key: Path


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_file(key: ec.EllipticCurvePrivateKey, path: Path) -> None:
    path.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))


class Authority:
    """An authority; `certificate` is the file of its own certificate."""

    def __init__(self, directory: Path, name: str):
        self.directory = directory / f"ca-{name}"
        self.directory.mkdir()
        self.name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(f"{name} authority"), self._key, timedelta(days=1))
        self._own = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        ).sign(self._key, hashes.SHA256())
        self.certificate = self.directory / "ca.pem"
        self.certificate.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(timezone.utc)
        return (
            x509.CertificateBuilder().subject_name(subject)
            .issuer_name(_name(f"{self.name} authority")).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2)).not_valid_after(now + lifetime))

    def _sign(
        self, file: str, common: str, usage: x509.ObjectIdentifier, lifetime: timedelta
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        signed = (
            self._builder(_name(common), key, lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256()))
        made = Certificate(self.directory / f"{file}.pem", self.directory / f"{file}.key")
        made.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        _key_file(key, made.key)
        return made

    def server(self, common: str = "localhost") -> Certificate:
        """A certificate of a server at 127.0.0.1."""
        return self._sign("server", common, ExtendedKeyUsageOID.SERVER_AUTH, timedelta(days=1))

    def client(self, common: str, lifetime: timedelta = timedelta(days=1)) -> Certificate:
        """A certificate of a client."""
        return self._sign(
            f"client-{common}", common, ExtendedKeyUsageOID.CLIENT_AUTH, lifetime)

    def server_section(self, *, require_client: bool = False) -> dict[str, Any]:
        """The section `server` of Temporal's TLS settings, with a certificate of this authority."""
        server = self.server()
        section: dict[str, Any] = {
            "certFile": str(server.certificate), "keyFile": str(server.key)}
        if require_client:
            section |= {"requireClientAuth": True, "clientCaFiles": [str(self.certificate)]}
        return section


def client_credentials(
    trusted: Authority, own: Certificate | None = None
) -> grpc.ChannelCredentials:
    """Credentials that trust an authority, and show a certificate if there is one."""
    if own is None:
        return grpc.ssl_channel_credentials(trusted.certificate.read_bytes())
    return grpc.ssl_channel_credentials(
        trusted.certificate.read_bytes(), own.key.read_bytes(), own.certificate.read_bytes())
