"""What trees of matchers look at of a connection: where it goes, where it comes from, what its first bytes say."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from takeover.base.addresses import is_address
from takeover.check.derive.chain_match import Client
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.connections import NO_ALPN
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.nets import OUTSIDE, Nets
from takeover.check.derive.predicates import Predicate, Single, Strings, Texts, predicate
from takeover.check.messages import config_of, message_of
from takeover.check.trees import NETS
from takeover.model.json import JsonObject

_LOCAL = "local"
_INPUTS = "envoy.extensions.matching.common_inputs.network.v3."


@dataclass(frozen=True)
class Inspected:
    """What the listener's filters tell its chains.

    Args:
        tls: whether one looks for TLS: without it there is neither a server's name nor a protocol in it.
        http: whether one looks which HTTP is spoken without TLS.
    """

    tls: bool
    http: bool


@dataclass(frozen=True)
class _Input:
    """One of them. `read` and `write` are its value and `put`; `usual` as of every input."""

    words: str
    usual: tuple[str, ...]
    read: Callable[[Client, Inspected], str | None]
    write: Callable[[Client, str | None, Inspected], Client]
    seen: Inspected

    def value(self, of: Client) -> str | None:
        """What it is there."""
        return self.read(of, self.seen)

    def put(self, of: Client, value: str | None) -> Client:
        """With that value."""
        return self.write(of, value, self.seen)


def asked_of_client(data: JsonObject, seen: Inspected) -> Predicate[Client]:
    """What a predicate asks of a connection. Raises: CannotMakeError for one that is not known."""
    return predicate(data, lambda single: _single(single, seen))


def _single(data: JsonObject, seen: Inspected) -> Predicate[Client]:
    message = message_of(config_of(data.get("input")))
    known = _KNOWN.get(message.removeprefix(_INPUTS))
    if known is None or not message.startswith(_INPUTS):
        raise CannotMakeError(f"a match by {message.rpartition('.')[2] or 'an input that is not named'}")
    words, usual, read, write = known
    texts: Texts
    if isinstance(data.get("value_match"), dict):
        texts = Strings(data["value_match"])
    else:
        config = config_of(data.get("custom_match"))
        kind = message_of(config)
        if kind != NETS:
            raise CannotMakeError(f"a match of {words} by {kind.rpartition('.')[2] or 'nothing'}")
        texts = Nets(config)
    return Single(_Input(words, usual, read, write, seen), texts)


def _address(of: Client, value: str | None, seen: Inspected) -> Client:
    del seen
    if value is not None and re.fullmatch(r"(\d+\.){1,3}", value):
        value += ".".join("1" * (4 - value.count(".")))  # the text only begins one
    if value is None or not is_address(value):
        raise CannotMakeError(f"{value!r} is no address to which a connection goes")
    return replace(of, address=value)


def _port(of: Client, value: str | None, seen: Inspected) -> Client:
    del seen
    if value is None or not value.isdecimal() or not 0 < int(value) < 1 << 16:
        raise CannotMakeError(f"{value!r} is no port to which a connection goes")
    return replace(of, port=int(value))


def _from(of: Client, value: str | None, seen: Inspected) -> Client:
    del seen
    if value is None or not is_address(value):
        raise CannotMakeError(f"{value!r} is no address from which a client comes")
    return of.from_remote(value)


def _directly_from(of: Client, value: str | None, seen: Inspected) -> Client:
    del seen
    if value is None or not is_address(value):
        raise CannotMakeError(f"{value!r} is no address from which a client comes")
    return replace(of, direct=value)


def _from_a_kind(of: Client, value: str | None, seen: Inspected) -> Client:
    del seen
    if value not in (None, _LOCAL):
        raise CannotMakeError(f"no client is of the kind {value!r}")
    return of.from_remote(OUTSIDE[0] if value is None else of.address)


def _nobody_knows(of: Client, seen: Inspected) -> str | None:
    del of, seen
    raise UnsureError("asks for a port from which connections come, which no client of ours chooses")


def _fixed(of: Client, value: str | None, seen: Inspected) -> Client:
    del of, value, seen
    raise CannotMakeError("takes clients of ports that no client of ours chooses")


def _name_of(of: Client, seen: Inspected) -> str | None:
    return of.name if of.is_tls and of.name and seen.tls else None


def _named(of: Client, value: str | None, seen: Inspected) -> Client:
    if value is None:
        return replace(of, name="")
    if not seen.tls or not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", value):
        raise CannotMakeError(f"no client says the server name {value!r}")
    return replace(of, name=value, is_tls=True)


def _transport_of(of: Client, seen: Inspected) -> str | None:
    return "tls" if of.is_tls and seen.tls else "raw_buffer"


def _transport(of: Client, value: str | None, seen: Inspected) -> Client:
    if value == "tls" and seen.tls:
        return replace(of, is_tls=True, alpn=("h2",) if of.alpn == ("h2c",) else of.alpn)
    if value == "raw_buffer":
        return replace(of, is_tls=False, name="", alpn=())
    raise CannotMakeError(f"no client speaks {value!r}")


def _protocols_of(of: Client, seen: Inspected) -> str | None:
    """As Envoy writes them: each in quotes. A client that says nothing else offers HTTP/1.1."""
    if not (seen.tls if of.is_tls else seen.http) or of.alpn == NO_ALPN:
        return None
    return ",".join(f"'{each}'" for each in of.alpn or ("http/1.1",))


def _protocols(of: Client, value: str | None, seen: Inspected) -> Client:
    if value is None:
        if not of.is_tls:
            raise CannotMakeError("what is no HTTP is of no protocol")
        return replace(of, alpn=NO_ALPN)
    if not re.fullmatch(r"'[\w./-]+'(,'[\w./-]+')*|[\w./-]+", value):
        raise CannotMakeError(f"{value} is no list of protocols")
    named = tuple(value.replace("'", "").split(","))
    if of.is_tls and seen.tls:
        return replace(of, alpn=named)
    if not of.is_tls and seen.http and named in {("http/1.1",), ("h2c",)}:
        return replace(of, alpn=named)
    raise CannotMakeError(f"no client speaks {value}")


_Known = tuple[
    str, tuple[str, ...], Callable[[Client, Inspected], str | None], Callable[[Client, str | None, Inspected], Client]
]
_KNOWN: dict[str, _Known] = {
    "DestinationIPInput": ("destination address", (), lambda of, _: of.address, _address),
    "DestinationPortInput": ("destination port", ("65001",), lambda of, _: str(of.port), _port),
    "SourceIPInput": ("source address", OUTSIDE, lambda of, _: of.remote, _from),
    "DirectSourceIPInput": ("direct source address", OUTSIDE, lambda of, _: of.peer, _directly_from),
    "SourcePortInput": ("source port", (), _nobody_knows, _fixed),
    "SourceTypeInput": ("kind of source", (_LOCAL,), lambda of, _: _LOCAL if of.is_local else None, _from_a_kind),
    "ServerNameInput": ("server name", ("nobody.test",), _name_of, _named),
    "TransportProtocolInput": ("transport protocol", ("raw_buffer", "tls"), _transport_of, _transport),
    "ApplicationProtocolInput": ("application protocol", ("'http/1.1'", "'h2'", "'h2c'"), _protocols_of, _protocols),
}
