"""Requests for an OAuth2 filter: its paths, what passes without a session, who is not sent away to sign in.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/oauth2/v3/oauth.proto
"""

from collections.abc import Iterator, Mapping
from typing import Any as Anything
from typing import Final

from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.cel_conditions import Attribute
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.draft import slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.plain import Plain
from takeover.check.derive.predicates import Any, Not, Predicate, Single, Strings
from takeover.check.messages import inner, objects

OAUTH: Final = "envoy.extensions.filters.http.oauth2.v3.OAuth2"
CONFIG: Final = "envoy.extensions.filters.http.oauth2.v3.OAuth2Config"
_PATHS = (("callback", "redirect_path_matcher"), ("signout", "signout_path"))
_QUERIES = {
    "code": "code=a&state=b", "no-state": "code=a", "no-code": "state=b", "error": "error=access_denied&state=b",
}  # fmt: skip
_WRONG = {
    "cookies-wrong": "BearerToken=a; OauthHMAC=b; OauthExpires=1",
    "refreshed": "BearerToken=a; OauthHMAC=b; OauthExpires=4102444800; RefreshToken=c; IdToken=d",
}


def edges(data: Mapping[str, Anything], ask: Ask) -> Iterator[Edge]:
    """The requests. Raises: CannotMakeError, after all others, for the first that could not be made."""
    failed: CannotMakeError | None = None
    passing = passed(data)
    try:
        asked = ask if passing is None else Not(passing).made(ask)
    except (CannotMakeError, UnsureError) as error:
        raise CannotMakeError(f"its pass_through_matcher lets all pass: {error}") from None
    yield _edge("nobody", asked)
    yield from (_edge(words, asked.with_header("cookie", cookie)) for words, cookie in _WRONG.items())
    for words, field in _PATHS:
        if matcher := inner(data, field, "path"):
            try:
                yield from _at(words, Single(Attribute("url_path"), Strings(matcher)), asked)
            except CannotMakeError as error:
                failed = failed or CannotMakeError(f"{field}: {error}")
    for field, words in (("pass_through_matcher", "passes"), ("deny_redirect_matcher", "denied")):
        for header in map(Header, objects(data.get(field))):
            try:
                yield _edge(slug(words, header.words), header.made(asked))
                for near, other in header.missed(asked if header.fits(asked) else header.made(asked)):
                    yield _edge(slug(words, "no", near), other)
            except (CannotMakeError, UnsureError) as error:
                failed = failed or CannotMakeError(f"{field}: {error}")
    if failed is not None:
        raise failed


def passed(data: Mapping[str, Anything]) -> Predicate[Ask] | None:
    """Which requests pass without a session; None: none does. Args: data: `OAuth2Config`."""
    matchers = [Plain(Header(each)) for each in objects(data.get("pass_through_matcher"))]
    return Any(tuple(matchers)) if matchers else None


def _at(words: str, path: Single[Ask], ask: Ask) -> Iterator[Edge]:
    """At that path, and just beside it. Raises: CannotMakeError."""
    made = path.made(ask.but(path=ask.bare_path))
    yield _edge(words, made)
    if words == "callback":
        yield from (_edge(slug(words, name), made.but(path=f"{made.path}?{query}")) for name, query in _QUERIES.items())
    if (near := next((other for _, other in path.missed(made)), None)) is not None:
        yield _edge(slug(words, "no"), near)


def _edge(words: str, ask: Ask) -> Edge:
    return Edge(name=slug("oauth", words), entry={}, ask=ask)
