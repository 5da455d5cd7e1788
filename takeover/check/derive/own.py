"""Somebody's own requests, aimed at the listener that has their port, and at the chain that takes their name."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from takeover.check.derive.chain_match import Chain, Client
from takeover.check.derive.chains import Doors
from takeover.check.derive.draft import OWN, Door, Draft, Unasked, slug
from takeover.check.records import Asked

_PORTS = {True: 443, False: 80}


def drafts(asked: Iterable[Asked], listeners: Sequence[Doors], unasked: Unasked) -> Iterator[Draft]:
    """A probe for each; whose listener is not found is said by its file and line."""
    for each in asked:
        if (found := _door(each, listeners)) is None:
            place = each.place.file if each.place.line is None else f"{each.place.file}:{each.place.line}"
            port = "" if each.port is None else f" at port {each.port}"
            unasked.say(place, f"no listener that probes reach takes {each.host or 'it'}{port}")
            continue
        chain, door = found
        entry = {key: value for key, value in each.entry.items() if key != "name"}
        if "host" not in entry and each.host and entry.get("protocol", "http1") in {"http1", "http2"}:
            entry["host"] = each.host
        yield Draft(
            subject=OWN,
            name=slug(each.entry.get("name", each.host)),
            entry=door.entry(entry),
            rank=-1,
            of=(OWN,),
            listener=door.listener,
            chain=chain.name,
            condition="asked for",
        )


def _door(asked: Asked, listeners: Sequence[Doors]) -> tuple[Chain, Door] | None:
    """The way to the chain that takes it: of the listeners at its port, else of all, the first one with one."""
    port = _PORTS[asked.is_tls] if asked.port is None else asked.port
    at_port = [each for each in listeners if port in each.ports]
    for doors in at_port or (listeners if asked.port is None else ()):
        way = doors.way
        alpn = ("http/1.1",) if asked.is_tls else ()
        client = Client(way.host, way.port, asked.host if asked.is_tls else "", is_tls=asked.is_tls, alpn=alpn)
        for chain, door in doors.doors:
            from_there = replace(client, source=door.origin.told, direct=door.source_address)
            taker = doors.taken_by(from_there) if len(doors.chains) > 1 else doors.chains[0]
            if chain is taker and (door.tls is not None) == asked.is_tls:
                if door.tls is None or not asked.host:
                    return chain, door
                return chain, replace(door, tls={**door.tls, "server_name": asked.host})
    return None
