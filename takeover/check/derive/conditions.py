"""What a route asks of a request: whether one has it, one that has it, and those that just do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from takeover.check.derive import strings
from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError
from takeover.model.json import JsonObject


class UnsureError(Exception):
    """What a configuration does with a request cannot be told from it.

    Args:
        reason: in words.
        chance: whether one and the same request is now taken, now not.
    """

    def __init__(self, reason: str, *, chance: bool = False) -> None:
        super().__init__(reason)
        self.chance = chance


class NoNumberError(UnsureError):
    """Chance chooses between weighted clusters, as the header by whose number it would be certain is not there.

    Args:
        header: its name.
    """

    def __init__(self, header: str) -> None:
        super().__init__("chooses between weighted clusters by chance", chance=True)
        self.header = header


class Condition(Protocol):
    """One thing that a route asks for."""

    @property
    def words(self) -> str:
        """What it is, such as `header x-tenant`."""

    def fits(self, ask: Ask) -> bool:
        """Whether the request has it. Raises: UnsureError."""

    def made(self, ask: Ask) -> Ask:
        """The request, changed so that it has it. Raises: CannotMakeError, UnsureError."""

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """Requests that just do not have it, the most telling one first, each with what is other."""


@dataclass(frozen=True)
class Query:
    """`envoy.config.route.v3.QueryParameterMatcher`."""

    data: JsonObject

    @property
    def words(self) -> str:
        """What it is."""
        return f"query {self.data.get('name')}"

    def fits(self, ask: Ask) -> bool:
        """Whether the request has it."""
        value = ask.query.get(str(self.data.get("name")))
        if "string_match" in self.data:
            return value is not None and strings.matches(self.data["string_match"], value)
        return (value is not None) is bool(self.data.get("present_match", True))

    def made(self, ask: Ask) -> Ask:
        """The request, changed so that it has it. Raises: CannotMakeError."""
        if self.fits(ask):
            return ask
        name, value = str(self.data.get("name")), "any"
        if "string_match" in self.data:
            value = strings.matching(self.data["string_match"])
        elif self.data.get("present_match", True) is False:
            return ask.with_query(name, None)
        if not value.isprintable() or any(each in value for each in " &#?"):
            raise CannotMakeError(f"{self.words}: {value} does not stand in a query as it is")
        return ask.with_query(name, value)

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """Requests that just do not have it."""
        name, near = str(self.data.get("name")), ["any", None]
        if "string_match" in self.data:
            near.insert(0, strings.not_matching(self.data["string_match"]))
        for value in near:
            made = ask.with_query(name, value)
            if not self.fits(made):
                yield f"{self.words}: {'none' if value is None else 'another'}", made


@dataclass(frozen=True)
class Cookie:
    """`envoy.config.route.v3.CookieMatcher`."""

    data: JsonObject

    @property
    def words(self) -> str:
        """What it is."""
        return f"cookie {self.data.get('name')}"

    def fits(self, ask: Ask) -> bool:
        """Whether the request has it."""
        value = ask.cookies.get(str(self.data.get("name")))
        matcher, is_inverted = self.data.get("string_match"), bool(self.data.get("invert_match"))
        if value is None:
            return is_inverted
        return (matcher is None or strings.matches(matcher, value)) is not is_inverted

    def made(self, ask: Ask) -> Ask:
        """The request, changed so that it has it. Raises: CannotMakeError."""
        if self.fits(ask):
            return ask
        matcher, name = self.data.get("string_match"), str(self.data.get("name"))
        if self.data.get("invert_match"):
            return ask.with_cookie(name, None)
        return ask.with_cookie(name, "any" if matcher is None else strings.matching(matcher))

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """Requests that just do not have it."""
        matcher, name = self.data.get("string_match"), str(self.data.get("name"))
        near: list[str | None] = [None]
        if matcher is not None:
            make = strings.matching if self.data.get("invert_match") else strings.not_matching
            near.insert(0, make(matcher))
        for value in near:
            made = ask.with_cookie(name, value)
            if not self.fits(made):
                yield f"{self.words}: {'none' if value is None else 'another'}", made


@dataclass(frozen=True)
class Grpc:
    """That it is a request of gRPC."""

    words: str = "grpc"

    def fits(self, ask: Ask) -> bool:
        """Whether it is one."""
        kind = ask.header("content-type") or ""
        return kind == "application/grpc" or kind.startswith("application/grpc+")

    def made(self, ask: Ask) -> Ask:
        """An empty message over HTTP/2, with the content type of gRPC."""
        made = ask.with_header("content-type", "application/grpc").with_header("te", "trailers")
        return made.but(protocol="http2", method="POST", extra=(*ask.extra, ("body", "\0\0\0\0\0")))

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """One of another type."""
        yield "grpc: another content-type", ask.with_header("content-type", "application/json")
        yield "grpc: content-type of gRPC-Web", ask.with_header("content-type", "application/grpc-web")


@dataclass(frozen=True)
class Certificate:
    """What the route asks of the client's certificate.

    Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto (RouteMatch).
    """

    data: JsonObject
    words: str = "client certificate"

    def fits(self, ask: Ask) -> bool:
        """Whether the one of the request's connection, or none, is what it asks for."""
        has = {"presented": ask.presented, "validated": ask.validated}
        return all(self.data.get(each, has[each]) is has[each] for each in has)

    def made(self, ask: Ask) -> Ask:
        """The same. Raises: CannotMakeError where it asks for another one than connections there show."""
        if not self.fits(ask):
            ours = (
                "shows none" if not ask.presented else f"shows one that is {'' if ask.validated else 'not '}validated"
            )
            raise CannotMakeError(f"{self.words}: a client of ours {ours} there")
        return ask

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """None."""
        del ask
        yield from ()


@dataclass(frozen=True)
class Chance:
    """A share of the requests.

    Args:
        share: from 0 to 1.
    """

    share: float
    words: str = "share of requests"

    def fits(self, ask: Ask) -> bool:
        """Whether all are taken. Raises: UnsureError, of chance, if some are."""
        del ask
        if 0 < self.share < 1:
            raise UnsureError(f"takes {self.share:.4%} of the requests by chance", chance=True)
        return self.share >= 1

    def made(self, ask: Ask) -> Ask:
        """The same. Raises: CannotMakeError if none is taken, UnsureError if some are."""
        if not self.fits(ask):
            raise CannotMakeError("takes 0 % of the requests")
        return ask

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """None."""
        del ask
        yield from ()


@dataclass(frozen=True)
class Elsewhere:
    """What something else than the request decides: metadata, state of filters."""

    words: str

    def fits(self, ask: Ask) -> bool:
        """Raises: UnsureError."""
        del ask
        raise UnsureError(f"asks for {self.words}, which filters set")

    def made(self, ask: Ask) -> Ask:
        """Raises: UnsureError."""
        self.fits(ask)
        return ask

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """None."""
        del ask
        yield from ()


@dataclass(frozen=True)
class Connect:
    """That it is CONNECT."""

    words: str = "connect_matcher"

    def fits(self, ask: Ask) -> bool:
        """Whether it is."""
        return ask.method == "CONNECT"

    def made(self, ask: Ask) -> Ask:
        """A CONNECT that ends at once, over the HTTP of the request; over HTTP/1 Envoy takes none without a port."""
        over = () if ":" in ask.host and ask.protocol != "http2" else (("over", "http2"),)
        extra = (*over, ("steps", [{"end": True}]), ("within", 0.5))
        return ask.but(method="CONNECT", path="/", protocol="connect", extra=extra)

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """Another method."""
        protocol = "http2" if ("over", "http2") in ask.extra else "http1"
        yield "connect_matcher: GET", ask.but(method="GET", protocol=protocol, extra=())
