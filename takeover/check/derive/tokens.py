"""Tokens that a JWT filter takes, or just does not: signed by the key of tests that the run's key service gives out."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

_KEY_ID, _SECRET = "hs256", b"a secret of tests, thirty-two by"
_FAR_AWAY, _LONG_AGO = 4_102_444_800, 946_684_800


def of(provider: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Headers by what is tried with them, for an `envoy.extensions.filters.http.jwt_authn.v3.JwtProvider`."""
    claims = _claims(provider)
    good = signed(claims)
    made = {
        "good": good,
        "expired": signed({**claims, "exp": _LONG_AGO}),
        "not-yet": signed({**claims, "nbf": _FAR_AWAY - 1}),
        "other-audience": signed({**claims, "aud": "elsewhere"}),
        "other-issuer": signed({**claims, "iss": "https://elsewhere.test"}),
        "unknown-key": signed(claims, "unknown"),
        "forged": good[:-6] + "AAAAAA",
        "not-signed": f"{_part({'alg': 'none'})}.{_part(claims)}.",
        "not-a-token": "abc",
    }
    headers = {words: [sent(provider, token)] for words, token in made.items()}
    return {**headers, "none": [], "twice": [sent(provider, good)] * 2}


def good(provider: Mapping[str, Any]) -> tuple[str, str]:
    """The header with a token that the provider takes."""
    return sent(provider, signed(_claims(provider)))


def passing(filters: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Headers by which a request passes the JWT filters among those, as far as one provider is enough."""
    found: dict[str, str] = {}
    for config in filters:
        if str(config.get("@type", "")).endswith(".jwt_authn.v3.JwtAuthentication"):
            for provider in config.get("providers", {}).values():
                name, value = good(provider)
                found.setdefault(name, value)
    return tuple(found.items())


def sent(provider: Mapping[str, Any], token: str) -> tuple[str, str]:
    """The token in the header in which the provider looks for it first."""
    for each in provider.get("from_headers", ()):
        return str(each.get("name", "authorization")).lower(), f"{each.get('value_prefix', '')}{token}"
    return "authorization", f"Bearer {token}"


def _claims(provider: Mapping[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = {"iss": provider.get("issuer") or "https://issuer.test", "sub": "alice"}
    if audiences := provider.get("audiences"):
        claims["aud"] = str(audiences[0])
    return claims | {"exp": _FAR_AWAY, "scope": "read write"}


def signed(claims: Mapping[str, Any], key_id: str = _KEY_ID) -> str:
    """A token of HMAC with SHA-256 that says so."""
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': key_id})}.{_part(claims)}"
    return f"{text}.{_base64(hmac.digest(_SECRET, text.encode(), hashlib.sha256))}"


def _part(data: Mapping[str, Any]) -> str:
    return _base64(msgspec.json.encode(data))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
