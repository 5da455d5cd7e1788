"""Where a request comes from, as filters see it: by its connection, its PROXY header, or what its headers say.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-for
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from takeover.base.addresses import is_address
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.expressions import CannotMakeError

_FORWARDED_FOR = "x-forwarded-for"
_TRUSTED = "198.51.100.1"  # of each proxy that is trusted, after the client's


@dataclass(frozen=True)
class AddressInput:
    """One of the addresses by which a client is known.

    Args:
        read: what it is of a request. Raises: UnsureError.
        write: the request with another one. Raises: CannotMakeError.
    """

    words: str
    read: Callable[[Ask], str]
    write: Callable[[Ask, str], Ask]
    usual: tuple[str, ...] = ()

    def value(self, of: Ask) -> str | None:
        """What it is there."""
        if not (found := self.read(of)):
            raise UnsureError("depends on where its connection comes from")
        return found

    def put(self, of: Ask, value: str | None) -> Ask:
        """From that address."""
        if value is None or not is_address(value):
            raise CannotMakeError(f"{value!r} is no address from which a request comes")
        return self.write(of, value)


def _remote(of: Ask) -> str:
    for way in of.sanitizing.told_by:
        sent = of.sent(way.header or _FORWARDED_FOR)
        if way.is_unknown:
            raise UnsureError("depends on an extension that says where it comes from")
        if way.header:
            if sent is not None and is_address(sent):
                return sent
            continue
        told = [each.strip() for each in (sent or "").split(",")]
        if len(told) > way.hops and is_address(told[-1 - way.hops]):
            return told[-1 - way.hops]
    return of.origin.remote


def _from_remote(of: Ask, address: str) -> Ask:
    if not of.sanitizing.told_by:
        return of.but(origin=of.origin.from_remote(address))
    way = of.sanitizing.told_by[0]
    if way.is_unknown:
        raise CannotMakeError("an extension says where a request comes from")
    if way.header:
        return of.with_header(way.header, address)
    return of.with_header(_FORWARDED_FOR, ", ".join((address, *[_TRUSTED] * way.hops)))


REMOTE: Final = AddressInput("remote ip", _remote, _from_remote)
"""The client's, as the connection manager takes it."""
CONNECTION: Final = AddressInput(
    "source ip", lambda of: of.origin.remote, lambda of, address: of.but(origin=of.origin.from_remote(address))
)
"""That of the connection, or of its PROXY header."""
DIRECT: Final = AddressInput(
    "direct remote ip", lambda of: of.origin.direct, lambda of, address: of.but(origin=of.origin.from_direct(address))
)
"""That of the connection, whatever a header says."""
