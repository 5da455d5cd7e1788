"""One Envoy as a witness: its counters, its access log, and the rules of its Pod."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from takeover.base.errors import BadInputError
from takeover.engines.contract import Container, Pod
from takeover.envoy.admin import Admin
from takeover.envoy.used_stats import UsedStats
from takeover.evidence import quiescence
from takeover.evidence.counters import Stats
from takeover.evidence.passing import Place
from takeover.evidence.rules import Rule, parse
from takeover.model.logs import Entry, json_lines

_LISTENER = re.compile(r"^listener\..+_(\d+)\.downstream_cx_active$")
_OR_NONE = "or leave out access_log: one is added then"
_FOR_ENTRIES = (
    "have each HTTP connection manager and TCP proxy write one entry to stdout for each request or connection, a line "
    f"of JSON and without a filter, {_OR_NONE}"
)
_FIELDS = ", ".join(each.name for each in msgspec.structs.fields(Entry) if each.required)
_FOR_FIELDS = f"have at least {_FIELDS} in its json_format, {_OR_NONE}"


@dataclass(frozen=True)
class Account:
    """What an Envoy had counted and written down by then, since its start, and the rules of its Pod.

    Args:
        name: POD/CONTAINER; empty in a scene with one Envoy.
        addresses: of its Pod, then of the Services that lead there; likewise.
    """

    name: str
    addresses: tuple[str, ...]
    stats: Stats
    log: list[str]
    rules: list[Rule]

    @property
    def place(self) -> Place:
        """Where others reach it."""
        return place_of(self.addresses, self.stats)


def place_of(addresses: tuple[str, ...], stats: Stats) -> Place:
    """Where an Envoy with these counters is reached."""
    return Place(addresses, frozenset(found[1] for found in map(_LISTENER.match, stats) if found))


class EnvoyWitness:
    """Asks one Envoy.

    Args:
        pod: where it is.
        container: likewise.
        used: is closed with this.
        name: POD/CONTAINER, where there are several.
        services: the addresses of the Services that lead to its Pod; likewise.
        tells_rules: whether it tells of the Pod's rules: of the Envoys of a Pod one does.
    """

    def __init__(
        self,
        pod: Pod,
        container: Container,
        admin: Admin,
        used: UsedStats,
        name: str = "",
        services: Sequence[str] = (),
        tells_rules: bool = True,
    ) -> None:
        self.name = name
        self._pod = pod
        self._container = container
        self._admin = admin
        self._unused = dict.fromkeys(admin.stats(), 0)
        self._used = used
        self._services = services
        self._has_rules: bool | None = None if tells_rules else False

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """Its Pod's and its Services', where there are several Envoys to tell apart."""
        return (self._pod.ip, *self._services) if self.name else ()

    def close(self) -> None:
        """Ends the connection that is kept."""
        self._used.close()

    def stats(self) -> Stats:
        """All counters and gauges: those that there are, and those that came about since."""
        return self._unused | self._used.now()

    def log(self, stats: Stats) -> list[str] | str:
        """Its access log, or what is under way or not yet in it. Raises: BadInputError for one in another form."""
        look = quiescence.under_way_but_for_passed_on if self.name else quiescence.under_way
        if active := look(stats):
            return self.of_several(active)
        lines, entries = json_lines(self._container.followed_logs()), quiescence.log_entries(stats)
        # What a listener counted goes with it, where no other one has its prefix: what it wrote stays.
        if len(lines) > entries and len(lines) == quiescence.written_entries(stats):
            return self._in_our_form(lines)
        if len(lines) != entries:
            told = f"Envoy's access log has {len(lines)} entries, its counters tell of {entries}"
            return self.of_several(f"{told}; {_FOR_ENTRIES}")
        return self._in_our_form(lines)

    def written(self) -> list[str]:
        """Its access log as it is. Raises: BadInputError for one in another form."""
        return self._in_our_form(json_lines(self._container.logs()))

    def _in_our_form(self, lines: list[str]) -> list[str]:
        for line in lines:
            if wrong := _wrong(line):
                where = f"{self._pod.name}/{self._container.name}"
                raise BadInputError(f"{where}: an entry of Envoy's access log: {wrong}: {line[:200]}; {_FOR_FIELDS}")
        return lines

    def rules(self) -> list[Rule]:
        """Those of its Pod."""
        if self._has_rules is False:
            return []
        rules = parse(self._pod.nat_rules())
        self._has_rules = bool(rules)  # only an init container makes some: a Pod without them stays without
        return rules

    def dialled(self) -> dict[tuple[str, str], int]:
        """The upstreams, each as its cluster and "IP:PORT", and how many connections with each are open."""
        return self._admin.upstream_connections()

    def of_several(self, what: str) -> str:
        """The words, with its name where there are several."""
        return f"{self.name}: {what}" if self.name else what


@functools.lru_cache(maxsize=1 << 14)  # a log is read again and again
def _wrong(line: str) -> str:
    """Why a line is no `Entry`; empty if it is one."""
    try:
        msgspec.json.decode(line, type=Entry)
    except msgspec.DecodeError as error:
        return str(error)
    return ""
