"""Tokens that a JWT filter takes, or just does not: signed by the key of tests that the run's key service gives out.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/jwt_authn/v3/config.proto
(`JwtProvider`).
"""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

from takeover.check.derive import strings
from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.messages import objects

_KEY_ID, _SECRET = "hs256", b"a secret of tests, thirty-two by"
_FAR_AWAY, _LONG_AGO = 4_102_444_800, 946_684_800
_DECIDED = {"iss", "aud", "exp", "nbf"}
"""Claims of which a provider decides."""
TWICE: Final = "twice"


@dataclass(frozen=True)
class Place:
    """Where a provider looks for a token, or a filter for a key.

    Args:
        kind: "header", "query" or "cookie", `name` its name.
        before: what stands before the token there.
    """

    kind: str
    name: str
    before: str = ""

    def put(self, ask: Ask, token: str) -> Ask:
        """The request with the token there, in the place of another one."""
        return self.added(self.emptied(ask), token)

    def added(self, ask: Ask, token: str) -> Ask:
        """The request with the token there, behind others."""
        match self.kind:
            case "header":
                return ask.but(headers=(*ask.headers, (self.name, f"{self.before}{token}")))
            case "query":
                return ask.but(path=f"{ask.path}{'&' if '?' in ask.path else '?'}{self.name}={token}")
        before = ask.header("cookie")
        return ask.with_header("cookie", f"{before + '; ' if before else ''}{self.name}={token}")

    def emptied(self, ask: Ask) -> Ask:
        """The request with nothing there."""
        match self.kind:
            case "header":
                return ask.without_header(self.name)
            case "query":
                return ask.with_query(self.name, None) if self.name in ask.query else ask
        return ask.with_cookie(self.name, None) if self.name in ask.cookies else ask


def places(provider: Mapping[str, Any]) -> Iterator[Place]:
    """Where the provider looks, in its order."""
    found = [
        Place("header", str(each.get("name", "authorization")).lower(), str(each.get("value_prefix", "")))
        for each in objects(provider.get("from_headers"))
    ]
    for kind, field in (("query", "from_params"), ("cookie", "from_cookies")):
        found += [Place(kind, str(each)) for each in provider.get(field, ())]
    yield from found or (Place("header", "authorization", "Bearer "), Place("query", "access_token"))


def places_of_keys(data: Mapping[str, Any]) -> Iterator[Place]:
    """Where a filter looks for API keys, in its order. Args: data: what has `key_sources`."""
    for source in objects(data.get("key_sources")):
        for kind in ("header", "query", "cookie"):
            if name := source.get(kind):
                called = str(name).lower() if kind == "header" else str(name)
                yield Place(kind, called, "Bearer " if (kind, called) == ("header", "authorization") else "")


def of(provider: Mapping[str, Any]) -> dict[str, str | None]:
    """Tokens by what is tried with them; None: no token."""
    claims = _claims(provider)
    taken = signed(claims)
    made: dict[str, str | None] = {
        "good": taken,
        "expired": signed({**claims, "exp": _LONG_AGO}),
        "not-yet": signed({**claims, "nbf": _FAR_AWAY - 1}),
        "other-audience": signed({**claims, "aud": "elsewhere"}),
        "other-issuer": signed({**claims, "iss": "https://elsewhere.test"}),
        "unknown-key": signed(claims, "unknown"),
        "forged": taken[:-6] + "AAAAAA",
        "not-signed": f"{_part({'alg': 'none'})}.{_part(claims)}.",
        "not-a-token": "abc",
        "none": None,
        TWICE: taken,
    }
    with contextlib.suppress(CannotMakeError):
        if subjects := provider.get("subjects"):
            made["other-subject"] = signed({**claims, "sub": strings.not_matching(subjects)})
    return made


def good(provider: Mapping[str, Any], more: Mapping[str, Any] = MappingProxyType({})) -> str:
    """A token that the provider takes, with more claims, as far as it leaves them.

    Raises: CannotMakeError where none is good every time.
    """
    if "max_lifetime" in provider:
        raise CannotMakeError("it takes only tokens that soon end (max_lifetime), which are not the same every time")
    decided = _DECIDED | ({"sub"} if provider.get("subjects") else set())
    return signed({**_claims(provider), **{name: more[name] for name in more if name not in decided}})


def put_apart(
    ask: Ask, provider: Mapping[str, Any], taken: Collection[Place], more: Mapping[str, Any]
) -> tuple[Ask, Place]:
    """The request with a good token in a place where none of the others is. Raises: CannotMakeError."""
    used = {(each.kind, each.name) for each in taken}
    for each in places(provider):
        if (each.kind, each.name) not in used:
            return each.put(ask, good(provider, more)), each
    raise CannotMakeError("it asks for two tokens in one place")


def _claims(provider: Mapping[str, Any]) -> dict[str, Any]:
    """Those that it asks for. Raises: CannotMakeError."""
    subject = strings.matching(provider["subjects"]) if provider.get("subjects") else "alice"
    claims: dict[str, Any] = {"iss": provider.get("issuer") or "https://issuer.test", "sub": subject or "alice"}
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
