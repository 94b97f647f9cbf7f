"""A stand-in for Google's token-info endpoint: `GET /oauth2/v3/tokeninfo`.

It answers as Google does: strings only, and 400 `invalid_token` for every token it does not know or
that has expired.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from .stand_in import Reply, Request, StandIn, json_reply

PATH = "/oauth2/v3/tokeninfo"
CLIENT_ID = "1234567890-conformance.apps.googleusercontent.com"
EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
SERVICE_ACCOUNT_SUFFIX = ".iam.gserviceaccount.com"
INVALID = {"error": "invalid_token", "error_description": "Invalid Value"}


@dataclass
class Token:
    """What Google knows of an access token."""

    email: str
    azp: str
    subject: str
    scope: str
    expires_at: float
    email_verified: str
    is_known_after_expiry: bool
    overrides: dict[str, Any]

    @property
    def info(self) -> dict[str, Any]:
        """The JSON object Google answers with."""
        answer = {
            "azp": self.azp,
            "aud": self.azp,
            "sub": self.subject,
            "scope": self.scope,
            "exp": str(int(self.expires_at)),
            "expires_in": str(max(0, int(self.expires_at - time.time()))),
            "email": self.email,
            "email_verified": self.email_verified,
            "access_type": "offline",
        }
        answer.update(self.overrides)
        return {name: value for name, value in answer.items() if value is not None}


class TokenInfo(StandIn):
    """Google's endpoint, as far as the server calls it."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        super().__init__()

    @property
    def endpoint(self) -> str:
        """What the server is told to call."""
        return self.url + PATH

    def issue(
        self, email: str, /, *, azp: str = CLIENT_ID, scope: str = f"openid {EMAIL_SCOPE}",
        lifetime: float = 3600, email_verified: str = "true", is_known_after_expiry: bool = False,
        **overrides: Any,
    ) -> str:
        """A new access token. An override replaces a field of the answer, None leaves it out."""
        token = f"ya29.{secrets.token_urlsafe(48)}"
        made = Token(
            email, azp, str(secrets.randbelow(10**21)), scope, time.time() + lifetime,
            email_verified, is_known_after_expiry, overrides)
        with self.lock:
            self._tokens[token] = made
        return token

    def issue_to_service_account(self, name: str) -> str:
        """A token of a service account: its `azp` is a number of its own."""
        email = f"{name}@conformance{SERVICE_ACCOUNT_SUFFIX}"
        return self.issue(email, azp=str(secrets.randbelow(10**21)))

    def revoke(self, token: str) -> None:
        """Google forgets the token."""
        with self.lock:
            del self._tokens[token]

    @property
    def tokens(self) -> list[str]:
        """Every token that was issued and not revoked."""
        with self.lock:
            return list(self._tokens)

    def calls(self, token: str) -> int:
        """How often a token was asked about."""
        with self.lock:
            return sum(request.bearer == token for request in self.requests)

    def answer(self, request: Request) -> Reply:
        if request.path != PATH:
            return json_reply(404, {"error": "not_found"})
        if request.method != "GET":
            return json_reply(405, {"error": "method_not_allowed"})
        bearer = request.bearer or request.query.get("access_token")
        if not bearer:
            return json_reply(400, {"error_description": "either access_token, id_token, or "
                                                         "token_handle required"})
        with self.lock:
            token = self._tokens.get(bearer)
        if token is None:
            return json_reply(400, INVALID)
        if token.expires_at <= time.time() and not token.is_known_after_expiry:
            return json_reply(400, INVALID)
        return json_reply(200, token.info)
