"""What one Envoy sent to another one, or to itself, by what was written down of a connection; never by a config.

An Envoy's access log has the address from which it dialled an upstream (`upstream_local`), another's the address of who
connected to it (`downstream_remote`): where they are the same, it is one connection. Where a log does not tell the
former, the id of a request that is in both logs does.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from takeover.model.logs import Entry


@dataclass(frozen=True)
class Place:
    """Where an Envoy can be reached.

    Args:
        addresses: of its Pod, then those of the Services that lead there.
        ports: of its listeners.
    """

    addresses: tuple[str, ...]
    ports: frozenset[str]

    def reaches(self, other: "Place", dialled: str) -> bool:
        """Whether what this Envoy dialled ("IP:PORT") leads to the other one.

        From another Pod whatever is dialled there may be intercepted; within a Pod it is who listens there.
        """
        address, _, port = dialled.rpartition(":")
        if self.addresses[:1] != other.addresses[:1]:
            return address.strip("[]") in other.addresses
        return port in other.ports and (address.startswith("127.") or address.strip("[]") in other.addresses)


Written = Mapping[str, Sequence[Entry]]
"""Envoy → the new entries of its access log."""


def received(written: Written) -> int:
    """How many of the requests in these logs came from one of these Envoys: another one, or itself.

    That it called itself is told by the address from which it dialled alone: ids are the same in all of one log's.
    """
    sent = {name: _Sent.of(entries) for name, entries in written.items()}

    def came(to: str, entry: Entry) -> bool:
        return entry.downstream_remote in sent[to].locals or any(
            each.has(entry) for other, each in sent.items() if other != to
        )

    return sum(entry.method is not None and came(name, entry) for name, entries in written.items() for entry in entries)


Leads = dict[tuple[str, str, str], bool]
"""(Envoy, its cluster, address that it dialled) → whether one of these Envoys was behind it.

A Pod's own address leads from one cluster to the Pod's Envoy, which is asked again, from another to an application.
"""


def hosts(written: Written) -> Leads:
    """Where what the Envoys dialled led, as most entries say."""
    got = {name: _Got.of(entries) for name, entries in written.items()}
    votes: dict[tuple[str, str, str], int] = {}
    for name, entries in written.items():
        others = [each for other, each in got.items() if other != name]
        for entry in entries:
            if entry.upstream_host:
                key = name, entry.upstream_cluster or "", entry.upstream_host
                led = entry.upstream_local in got[name].remotes or any(each.has(entry) for each in others)
                votes[key] = votes.get(key, 0) + (1 if led else -1)
    return {key: number > 0 for key, number in votes.items()}


def order(written: Written, places: Mapping[str, Place], entered: Collection[str]) -> list[str]:
    """The Envoys in the order in which traffic met them: each after those that sent it something.

    Where their logs do not tell, those that clients entered come first, then it is the order in which they are given.

    Args:
        written: the logs.
        places: Envoy → where it is: what dialled that came to it, though it may have logged nothing.
        entered: those that clients connected to.
    """
    sent_by = {name: _senders(name, written, places) for name in written}
    left, found = sorted(written, key=lambda name: name not in entered), list[str]()
    while left:
        next_one = next((each for each in left if not sent_by[each] & set(left)), left[0])
        left.remove(next_one)
        found.append(next_one)
    return found


def _senders(name: str, written: Written, places: Mapping[str, Place]) -> set[str]:
    got = _Got.of(written[name])

    def sent(other: str) -> bool:
        place = places[other]
        return any(got.has(each) or place.reaches(places[name], each.upstream_host or "") for each in written[other])

    return {other for other in written if other != name and sent(other)}


@dataclass(frozen=True)
class _Got:
    """What came to an Envoy: from which addresses, and which requests."""

    remotes: frozenset[str]
    ids: frozenset[str]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "_Got":
        return cls(
            frozenset(each.downstream_remote for each in entries),
            frozenset(each.request_id for each in entries if each.request_id),
        )

    def has(self, sent: Entry) -> bool:
        """Whether what another Envoy sent is among it."""
        if sent.upstream_local is UNSET:
            return bool(sent.upstream_host) and sent.request_id in self.ids
        return sent.upstream_local in self.remotes


@dataclass(frozen=True)
class _Sent:
    """What an Envoy sent: from which addresses; and which requests, where its log does not tell these."""

    locals: frozenset[str]
    ids: frozenset[str]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "_Sent":
        untold = (each for each in entries if each.upstream_local is UNSET and each.upstream_host)
        return cls(
            frozenset(each.upstream_local for each in entries if isinstance(each.upstream_local, str)),
            frozenset(each.request_id for each in untold if each.request_id),
        )

    def has(self, got: Entry) -> bool:
        """Whether what another Envoy got is among it."""
        return got.downstream_remote in self.locals or got.request_id in self.ids
