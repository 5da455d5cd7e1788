"""What the destinations saw: the access log of each nginx, complete up to a moment.

An nginx that logged nothing may only not have logged it yet. So it is asked a last question, its fence, on its own
loopback, where no rule of the Pod catches it. It has one worker, which takes events in order and writes a request down
as soon as it has sent the answer: when the fence's line is there, so is that of every request answered before.
"""

import itertools
import secrets
from collections.abc import Mapping

from takeover.base.errors import TakeoverError
from takeover.engines.contract import Pod
from takeover.evidence import quiescence
from takeover.model.logs import json_lines
from takeover.net.stream import ByteStream

# The containers of the manifests (parts/nginx, parts/auth) that log who asked, and where they listen.
_PORTS = {"nginx": 80, "auth": 9000}
_DEADLINE = 5.0
_MARK = "/fence/"


class Destinations:
    """Every nginx of a deployment. It keeps a connection to each."""

    def __init__(self, pods: Mapping[str, Pod]) -> None:
        self._pods = pods
        self._places = [(pod, name) for pod, each in pods.items() for name in each.containers if name in _PORTS]
        self._streams: dict[tuple[str, str], ByteStream] = {}
        # No fence of another object of this class may be taken for ours: its lines are in the same logs.
        self._name, self._numbers = secrets.token_hex(4), itertools.count(1)

    def told(self) -> dict[str, list[str]]:
        """`POD/CONTAINER` → the lines of its access log, of everything that was answered until now."""
        return {f"{pod}/{container}": self._lines(pod, container) for pod, container in self._places}

    def close(self) -> None:
        """Ends the connections; they are opened again when needed."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()

    def _lines(self, pod: str, container: str) -> list[str]:
        fence = f"{_MARK}{self._name}/{next(self._numbers)}/"
        running = self._ask((pod, container), fence)
        found: list[str] = []

        def missing() -> str:
            writer = self._pods[pod].container(container)
            # What does not run any more writes nothing more.
            found[:] = json_lines(writer.followed_logs() if running else writer.logs())
            is_whole = not running or any(fence in line for line in reversed(found))
            return "" if is_whole else f"last: {found[-1:]}"

        if last := quiescence.waited_for(missing, _DEADLINE):
            raise TakeoverError(
                f"{pod}/{container} answered {fence} and had not logged it {_DEADLINE:g} s later; {last}"
            )
        return [line for line in found if _MARK not in line]

    def _ask(self, place: tuple[str, str], path: str) -> bool:
        """Whether the nginx there has answered."""
        pod, container = place
        request = f"HEAD {path} HTTP/1.1\r\nHost: fence\r\n\r\n".encode()
        for _ in range(2):  # the connection that was kept may have ended meanwhile; a new one tells
            try:
                if place not in self._streams:
                    self._streams[place] = self._pods[pod].forward(_PORTS[container])
                self._streams[place].send(request)
                if self._streams[place].receive(65536):
                    return True
            except ConnectionError:
                pass
            if place in self._streams:
                self._streams.pop(place).close()
        return False
