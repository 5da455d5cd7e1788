"""Which of our places answers each address that is dialled: the table of the upstream, and its certificates."""

import ipaddress
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from takeover.base.addresses import is_address
from takeover.check.records import Dialled
from takeover.check.world.addresses import Addresses, has_ipv6, is_loopback
from takeover.check.world.asking import APPLICATION
from takeover.check.world.certificates import Certificate, certificate
from takeover.check.world.configuration import (
    CLUSTER,
    Configuration,
    listed,
    objects,
)
from takeover.check.world.dialled import Dial, cluster_kind
from takeover.check.world.ways import Ways
from takeover.peers.world.table import Place, Table
from takeover.scenario.envoy_config import either

_LOCALHOST = ("localhost", "localhost.localdomain", "ip6-localhost")
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - as configurations have it
_LOOPBACK_6 = "::1"
"""Where IPv6 is switched off, nobody has it."""
_OF_ANY, _OF_RSA = "tls", "tls-rsa"
"""By which key a certificate is, before it is made."""
_MOST_NAMES = 200
_PROGRAMS = ("/usr/", "/bin/", "/sbin/", "/lib", "/opt/", "/proc/", "/sys/", "/dev/")
"""Folders in whose place no other can be."""
_EVERY_NAME = "*"


@dataclass
class Answering:
    """What answers.

    Args:
        table: of the upstream.
        dialled: what is told of it.
        certificates: by the names of their files without ".pem".
        leading_to_itself: clusters at whose address Envoy itself listens.
    """

    table: Table
    dialled: list[Dialled] = field(default_factory=list)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    leading_to_itself: set[str] = field(default_factory=set)


def answering(
    configuration: Configuration,
    dials: list[Dial],
    ways: Ways,
    addresses: Addresses,
    answered_by_control_plane: frozenset[str],
    control_port: int,
    admin_port: int,
    control_plane_port: int,
) -> Answering:
    """Puts a place at each address that is dialled, but for those where Envoy itself listens."""
    forwards = dynamic_names(configuration)
    addresses.give(each.host for each in dials if _is_name(each.host))
    ipv6 = has_ipv6()
    places: dict[tuple[str, int, str], tuple[Place, tuple[str, ...]]] = {}
    made = Answering(Table())
    names_of_all = _domains(configuration)
    for dial in dials:
        address = _address(dial, addresses)
        if ":" in address and not address.startswith(("/", "@")) and not ipv6:
            configuration.differs(f"nothing answers at {address}", "this machine has no IPv6", dial.service.place)
            continue
        if address.startswith(_PROGRAMS) or address.count("/") == 1:
            what = f"nothing answers at the socket {address}"
            configuration.differs(what, "programs are in that folder", dial.service.place)
            continue
        tls = dial.tls
        names = tls.names if tls is not None else ()
        if tls is not None and (_takes_names_of_requests(configuration, dial.cluster) or not names):
            names = tuple(dict.fromkeys((*names, *names_of_all)))
        made.dialled.append(_told(dial, address, names))
        if _is_envoy_itself(address, dial.port, ways, admin_port):
            made.leading_to_itself.add(dial.cluster)
            continue
        forwarded = control_plane_port if dial.cluster in answered_by_control_plane else 0
        place = Place(
            address,
            dial.port,
            dial.transport,
            dial.service.kind,
            dial.is_http,
            dial.has_proxy_header,
            "" if tls is None else _OF_RSA if tls.of_rsa else _OF_ANY,
            asks_client=tls is not None,
            alpn=tls.alpn if tls is not None else ("h2", "http/1.1"),
            forwards_to=forwarded,
            services=dial.services,
            health=dial.health.requests,
            exchanges=dial.health.exchanges,
        )
        for at in (address, _LOOPBACK_6) if dial.host in _LOCALHOST and ipv6 else (address,):
            key = (at, dial.port, dial.transport)
            one = place._replace(address=at), names
            places[key] = _merged(places[key], one) if key in places else one
    for host, port in ways.originals:
        places.setdefault((host, port, "tcp"), (Place(host, port, is_http=False), ()))
    known = dict(addresses.names)
    if forwards:
        everything = addresses.another()
        known[_EVERY_NAME] = everything
        for port in forwards:
            places.setdefault((everything, port, "tcp"), (Place(everything, port, is_http=False), ()))
        resolver = addresses.another()
        places[resolver, 53, "udp"] = (Place(resolver, 53, "udp", "dns"), ())
    finished = [_with_certificate(place, listed_names, made) for place, listed_names in places.values()]
    # Mostly of who comes through Envoy by TLS of their own, whose bytes it counts.
    names_of_others = (*names_of_all, *sorted(addresses.names), "localhost")
    other = certificate("other", names_of_others, of_rsa=True)
    made.certificates["other"] = other
    own = [each.address for each in finished if is_address(each.address)] + ways.addresses
    wanted = tuple(
        dict.fromkeys(each for each in own if (each == _LOOPBACK_6 or not is_loopback(each)) and not _is_any(each))
    )
    made.table = Table(tuple(finished), wanted, known, control_port)
    return made


def dynamic_names(configuration: Configuration) -> tuple[int, ...]:
    """The ports of dynamic forward proxies, whose names only requests say; nothing where there is none."""
    ports = list[int]()
    for _, document in configuration.documents():
        for _, found in objects(document):
            if "dynamic_forward_proxy." in str(found.get("@type")):  # by the name in a request, or by SNI
                ports += [80, 443]
                ports += [each for each in (either(found, "port_value"),) if isinstance(each, int)]
    return tuple(dict.fromkeys(ports))


def _is_name(host: str) -> bool:
    return (
        not is_address(host)
        and not host.startswith(("/", "@", "."))
        and host not in (*_LOCALHOST, "")
        and ("/" not in host)
    )


def _address(dial: Dial, addresses: Addresses) -> str:
    host = dial.host
    if not dial.port and not is_address(host) and not _is_name(host):
        return host if host.startswith("@") else posixpath.normpath(posixpath.join("/", host))
    if is_address(host):
        plain = str(ipaddress.ip_address(host.partition("%")[0]))
        return _ANY.get(plain, plain)
    if host in _LOCALHOST:
        return "127.0.0.1"
    return addresses.names.get(host, "127.0.0.1")


def _is_any(address: str) -> bool:
    return address in _ANY


def _is_envoy_itself(address: str, port: int, ways: Ways, admin_port: int) -> bool:
    if not is_address(address):
        return False
    everywhere = [("", port), *((each, port) for each in _ANY)]
    if (address, port) in ways.bound:
        return True
    local = is_loopback(address)
    return local and (port == admin_port or any(each in ways.bound for each in everywhere))


def _merged(
    first: tuple[Place, tuple[str, ...]], second: tuple[Place, tuple[str, ...]]
) -> tuple[Place, tuple[str, ...]]:
    """One place for two that dial the same address."""
    (one, names), (other, more) = first, second
    kind = one.kind if other.kind == APPLICATION else other.kind if one.kind == APPLICATION else one.kind
    place = one._replace(
        kind=kind,
        is_http=one.is_http and other.is_http,
        has_proxy_header=one.has_proxy_header or other.has_proxy_header,
        certificate=one.certificate or other.certificate,
        asks_client=one.asks_client or other.asks_client,
        alpn=tuple(dict.fromkeys((*one.alpn, *other.alpn))),
        forwards_to=one.forwards_to or other.forwards_to,
        services=tuple(sorted({**dict(other.services), **dict(one.services)}.items())),
        health=tuple(dict.fromkeys((*one.health, *other.health))),
        exchanges=tuple(dict.fromkeys((*one.exchanges, *other.exchanges))),
    )
    return place, tuple(dict.fromkeys((*names, *more)))


def _with_certificate(place: Place, names: tuple[str, ...], made: Answering) -> Place:
    if not place.certificate:
        return place
    name = f"{place.certificate}-{sha256(repr(names).encode()).hexdigest()[:12]}"
    if name not in made.certificates:
        common = next((each for each in names if "://" not in each), "a server")
        made.certificates[name] = certificate(common, names, of_rsa=place.certificate == _OF_RSA)
    return place._replace(certificate=name)


def _told(dial: Dial, address: str, names: tuple[str, ...]) -> Dialled:
    return Dialled(
        host=dial.host,
        address=address,
        port=dial.port,
        cluster=dial.cluster,
        service=dial.service,
        server_names=names,
        alpn=dial.tls.alpn if dial.tls is not None else (),
    )


def _takes_names_of_requests(configuration: Configuration, name: str) -> bool:
    """Whether a cluster asks for the name that a request has."""
    for cluster, _ in configuration.of_type(CLUSTER):
        if cluster.get("name") == name:
            kind = cluster_kind(cluster)
            fields = {key for _, each in objects(cluster) for key in each}
            return bool(fields & {"auto_sni", "autoSni", "auto_san_validation", "autoSanValidation"}) or (
                "dynamic_forward_proxy" in kind
            )
    return False


def _domains(configuration: Configuration) -> tuple[str, ...]:
    """The names of virtual hosts, those that a certificate can have."""
    found: dict[str, None] = {}
    for _, document in configuration.documents():
        for _, each in objects(document):
            for domain in _texts(listed(each, "domains")):
                host = domain.rpartition(":")[0] if domain.rpartition(":")[2].isdigit() else domain
                if host and (host == host.replace("*", "") or host.startswith("*.")):
                    found[host] = None
    return tuple(found)[:_MOST_NAMES]


def _texts(values: Iterable[object]) -> Iterable[str]:
    return (each for each in values if isinstance(each, str))
