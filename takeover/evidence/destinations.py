"""What the destinations saw: the access log of each, complete up to a moment.

A server that logged nothing may only not have logged it yet. So it is asked a last question, its fence, on its own
loopback, where no rule of the Pod catches it. It must take events in order and write a request down as soon as it has
sent the answer (as an nginx of one worker does): when the fence's line is there, so is that of every request answered
before.
"""

import functools
import itertools
import secrets
from collections.abc import Iterable, Mapping

import msgspec

from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.contract import Pod
from takeover.evidence import quiescence
from takeover.evidence.log_formats import format_of
from takeover.model.logs import lines_of
from takeover.net.stream import ByteStream
from takeover.scenario.places import DestinationPlace

_DEADLINE = 5.0
_MARK = "/fence/"


class Destinations:
    """Every destination of a deployment. It keeps a connection to each."""

    def __init__(self, places: Iterable[DestinationPlace], pods: Mapping[str, Pod]) -> None:
        self._places = tuple(places)
        self._pods = pods
        self._streams: dict[str, ByteStream] = {}
        # No fence of another object of this class may be taken for ours: its lines are in the same logs.
        self._name, self._numbers = secrets.token_hex(4), itertools.count(1)

    def told(self) -> dict[str, list[str]]:
        """`POD/CONTAINER` → what arrived, of everything that was answered until now; each as JSON of an Arrival."""
        return {place.name: self._lines(place) for place in self._places}

    def close(self) -> None:
        """Ends the connections; they are opened again when needed."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()

    def _lines(self, place: DestinationPlace) -> list[str]:
        fence = f"{_MARK}{self._name}/{next(self._numbers)}/"
        running = self._ask(place, fence)
        found: list[str] = []

        def missing() -> str:
            writer = self._pods[place.pod].container(place.container)
            # What does not run any more writes nothing more.
            found[:] = _entries(place, writer.followed_logs() if running else writer.logs())
            is_whole = not running or any(fence in line for line in reversed(found))
            return "" if is_whole else f"last: {found[-1:]}"

        if last := quiescence.waited_for(missing, _DEADLINE):
            raise TakeoverError(
                f"{place.name} answered {fence} and had not logged it as {place.log} {_DEADLINE:g} s later; {last}"
            )
        return [line for line in found if _MARK not in line]

    def _ask(self, place: DestinationPlace, path: str) -> bool:
        """Whether the server there has answered."""
        request = f"HEAD {path} HTTP/1.1\r\nHost: fence\r\n\r\n".encode()
        for _ in range(2):  # the connection that was kept may have ended meanwhile; a new one tells
            try:
                if place.name not in self._streams:
                    self._streams[place.name] = self._pods[place.pod].forward(place.port)
                self._streams[place.name].send(request)
                if self._streams[place.name].receive(65536):
                    return True
            except ConnectionError:
                pass
            if place.name in self._streams:
                self._streams.pop(place.name).close()
        return False


def _entries(place: DestinationPlace, log: str) -> list[str]:
    """The entries in a container's log that are whole, in our form."""
    return list(filter(None, (_entry(place, line) for line in lines_of(log))))


@functools.lru_cache(maxsize=1 << 14)  # a log is read again and again
def _entry(place: DestinationPlace, line: str) -> str:
    """The line in our form, nothing for one that is no entry. Raises: BadInputError for one of another form."""
    try:
        arrival = format_of(place.log)(line, dict(place.fields))
    except ValueError as error:
        raise BadInputError(
            f"{place.where}: {place.name} logs what is not {place.log}: {error}: {line[:200]}"
        ) from None
    return msgspec.json.encode(arrival).decode() if arrival is not None else ""
