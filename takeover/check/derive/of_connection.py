"""What rules of RBAC ask of a request's connection, which none of our requests can change: it is so, or it is not.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/rbac/v3/rbac.proto
"""

from dataclasses import dataclass
from typing import Any

from takeover.check.derive import strings
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.fixed import Fixed
from takeover.check.derive.nets import Nets
from takeover.check.messages import inner
from takeover.check.networks import network_of
from takeover.model.json import JsonObject


class _OfConnection(Fixed):
    brings = "connection"


@dataclass(frozen=True)
class ToPort(_OfConnection):
    """That it goes to one of those ports."""

    ports: range
    words = "destination port"

    def fits(self, of: Ask) -> bool:
        """Whether it does. Raises: UnsureError where that is not known."""
        if not of.port:
            raise UnsureError("depends on where its connection goes")
        return of.port in self.ports


@dataclass(frozen=True)
class ToAddress(_OfConnection):
    """That it goes to an address of those."""

    nets: Nets
    words = "destination ip"

    def fits(self, of: Ask) -> bool:
        """Whether it does. Raises: UnsureError where that is not known."""
        if not of.address:
            raise UnsureError("depends on where its connection goes")
        return self.nets.matches(of.address)


@dataclass(frozen=True)
class ForName(_OfConnection):
    """That it asks for a server of such a name (SNI).

    Args:
        matcher: `envoy.type.matcher.v3.StringMatcher`; who asks for none asks for an empty one.
    """

    matcher: JsonObject
    words = "requested server name"

    def fits(self, of: Ask) -> bool:
        """Whether it does. Raises: CannotMakeError."""
        return strings.matches(self.matcher, of.server_name)


@dataclass(frozen=True)
class Authenticated(_OfConnection):
    """That its client shows a certificate, with a name that is wanted.

    Args:
        principal: the matcher of names; empty: any is.
    """

    principal: JsonObject
    words = "authenticated"

    def fits(self, of: Ask) -> bool:
        """Whether it does. Raises: CannotMakeError."""
        if not self.principal:
            return of.presented
        return any(strings.matches(self.principal, each) for each in of.principals)


def of_connection(key: str, value: Any) -> ToPort | ToAddress | ForName | Authenticated | None:
    """What a `Permission` or `Principal` with that field asks for; None: something else."""
    match key, value:
        case "destination_port", int():
            return ToPort(range(value, value + 1))
        case "destination_port_range", {"start": int(), "end": int()}:
            return ToPort(range(value["start"], value["end"]))
        case "destination_ip", dict() if network_of(value) is not None:
            return ToAddress(Nets({"cidr_ranges": [value]}))
        case "requested_server_name", dict():
            return ForName(value)
        case "authenticated", dict():
            return Authenticated(inner(value, "principal_name"))
    return None
