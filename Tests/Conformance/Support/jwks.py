"""An issuer of JSON Web Tokens: its keys, the endpoint that publishes them, and what it signs."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .stand_in import Reply, Request, StandIn, json_reply

PATH = "/.well-known/jwks.json"


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int, length: int | None = None) -> str:
    return encoded(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Key:
    """A private key with an id, for RS256 or ES256."""

    def __init__(self, algorithm: str = "RS256", kid: str | None = None):
        self.algorithm = algorithm
        self.kid = kid or secrets.token_hex(8)
        self._rsa = rsa.generate_private_key(65_537, 2048) if algorithm == "RS256" else None
        self._ec = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else None

    @property
    def jwk(self) -> dict[str, str]:
        """The public part as a key of a set."""
        common = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if self._rsa is not None:
            public = self._rsa.public_key().public_numbers()
            return common | {"kty": "RSA", "n": _number(public.n), "e": _number(public.e)}
        assert self._ec is not None
        point = self._ec.public_key().public_numbers()
        return common | {
            "kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}

    @property
    def public_pem(self) -> bytes:
        key = self._rsa or self._ec
        assert key is not None
        return key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def signature(self, data: bytes) -> bytes:
        if self._rsa is not None:
            return self._rsa.sign(data, padding.PKCS1v15(), hashes.SHA256())
        assert self._ec is not None
        r, s = decode_dss_signature(self._ec.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token; header fields replace the usual ones, None leaves one out."""
        fields = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid} | header
        text = _parts({k: v for k, v in fields.items() if v is not None}, claims)
        return f"{text}.{encoded(self.signature(text.encode()))}"


def _parts(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))


def unsigned(claims: dict[str, Any]) -> str:
    """A token that says of itself that nobody signed it."""
    return _parts({"alg": "none", "typ": "JWT"}, claims) + "."


def signed_with_public_key(key: Key, claims: dict[str, Any]) -> str:
    """The old trick: the public key taken for a shared secret."""
    text = _parts({"alg": "HS256", "typ": "JWT", "kid": key.kid}, claims)
    return f"{text}.{encoded(hmac.digest(key.public_pem, text.encode(), hashlib.sha256))}"


def claims_of(
    subject: str, *permissions: str, lifetime: float = 600, **more: Any
) -> dict[str, Any]:
    """The usual claims; None leaves one out."""
    now = time.time()
    claims = {
        "sub": subject, "iat": int(now), "exp": int(now + lifetime),
        "permissions": list(permissions), **more}
    return {name: value for name, value in claims.items() if value is not None}


class KeySet(StandIn):
    """The endpoint that publishes the keys."""

    def __init__(self, *keys: Key) -> None:
        self.keys = list(keys)
        super().__init__()

    @property
    def endpoint(self) -> str:
        return self.url + PATH

    def answer(self, request: Request) -> Reply:
        if request.path != PATH:
            return json_reply(404, {})
        return json_reply(200, {"keys": [key.jwk for key in self.keys]})
