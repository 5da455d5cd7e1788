"""Witnesses that say what a test has them say: Pods, containers, and a connection that answers every question."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pytest

from takeover.evidence import snapshots
from takeover.model.execution import ContainerEnd, ExecResult
from takeover.net.stream import ByteStream


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Where rest is waited for in vain: what is to come in time must have longer."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(snapshots, "DEADLINE", 0.2)
        yield


class Answering:
    """A stream whose peer answers whatever is sent.

    Args:
        asked: takes what was sent.
        ends: whether the peer ends the connection instead.
    """

    local_address = ("10.0.0.1", 1024)

    def __init__(self, asked: list[bytes], ends: bool = False) -> None:
        self._asked = asked
        self._ends = ends
        self.is_closed = False

    def send(self, data: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - a ByteStream's signature
        self._asked.append(data)

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return b"" if self._ends else b"HTTP/1.1 204 No Content\r\n\r\n"

    def end(self, last: bytes = b"") -> None:
        raise NotImplementedError

    def reset(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.is_closed = True


class LoggingContainer:
    """A container whose log is another one each time that somebody looks.

    Args:
        logs: one after the other; the last one stays.
    """

    name = "nginx"
    image = "nginx"

    def __init__(self, logs: Iterable[str]) -> None:
        self._logs: Iterator[str] = iter(logs)
        self._now = ""

    def followed_logs(self) -> str:
        self._now = next(self._logs, self._now)
        return self._now

    def logs(self) -> str:
        return self.followed_logs()

    def exec(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> ExecResult:
        raise NotImplementedError

    def ended(self) -> ContainerEnd | None:
        raise NotImplementedError

    def connect(self, host: str, port: int, timeout: float = 10.0, *, source_address: str = "") -> ByteStream:
        raise NotImplementedError


class WitnessPod:
    """A Pod of one container.

    Args:
        rules: what `nat_rules` says.
        streams: what `forward` gives, one after the other; then such as answer.
    """

    name = "website"
    namespace = "default"
    ip = "10.0.0.2"

    def __init__(
        self, container: LoggingContainer, rules: str = "", streams: Sequence[Answering | OSError] = ()
    ) -> None:
        self.containers: Mapping[str, LoggingContainer] = {container.name: container}
        self.asked: list[bytes] = []
        self._rules = rules
        self._streams = list(streams)

    def container(self, name: str) -> LoggingContainer:
        return self.containers[name]

    def forward(self, port: int) -> ByteStream:  # noqa: ARG002 - a Pod's signature
        stream = self._streams.pop(0) if self._streams else Answering(self.asked)
        if isinstance(stream, OSError):
            raise stream
        return stream

    def nat_rules(self) -> str:
        return self._rules

    def restart(self) -> None:
        raise NotImplementedError

    def how_to_enter(self, container: str) -> str:
        raise NotImplementedError
