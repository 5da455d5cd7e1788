"""An Envoy that runs, and what it says of each resource that its configuration is updated with: taken, or refused, why.

It runs in a bare node, and gets listeners, clusters, routes … over delta xDS, one after the other: thousands a minute,
where to start an Envoy for each would take as many seconds. What it takes is removed again with the next one, unless
it is to be kept.

    with updated_envoy("/path/of/envoy") as envoy:
        print(envoy.answers([resource({"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a"})]))
"""

import contextlib
import operator
import socket
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy.answers import Answer
from takeover.envoy.config_given import with_config
from takeover.envoy.delta_stream import DeltaStream, StreamEndedError
from takeover.envoy.update_source import with_updates
from takeover.net import http
from takeover.node.bare_node import BareNode, Program, bare_node
from takeover.node.stream import SocketStream
from takeover.peers.control_plane.discovery import CDS, LDS
from takeover.peers.control_plane.resources import Resource, ResourceError, parse

_START = 30.0
"""Seconds."""
_ANSWER = 5.0
"""Seconds in which an update is answered, mostly: it may wait for what it refers to."""
_HANGS = 15.0
"""Seconds after which an Envoy hangs whose admin API, or whose worker, does not go on."""
_LOOKED_BACK = 5
"""How many of those before may be why an Envoy ends that took them."""


def resource(written: Mapping[str, Any]) -> Resource:
    """A resource, as Envoy's own file subscription has it: {"@type": …, "name": …, …}, or "@bytes" for its message.

    Raises: BadInputError that says which field the installed protos do not know.
    """
    try:
        return parse(dict(written), "resource")
    except ResourceError as error:
        raise BadInputError(str(error)) from None


@contextlib.contextmanager
def updated_envoy(
    binary: str | Path, *files: str | Path, bootstrap: Mapping[str, Any] | None = None
) -> Iterator["UpdatedEnvoy"]:
    """An Envoy in a node of its own, for as long as the context lasts.

    Args:
        files: what is there besides, each (a file or a folder) at its own path.
        bootstrap: what its bootstrap config has besides what it is updated by: static resources, runtime ….

    Raises: TakeoverError when it does not start.
    """
    with bare_node(binary, *files) as node:
        envoy = UpdatedEnvoy(node, Path(binary), bootstrap or {})
        try:
            envoy.start()
            yield envoy
        finally:
            envoy.end()


class UpdatedEnvoy:
    """See `updated_envoy`.

    Args:
        node: where it runs; others may run there, too.
    """

    def __init__(self, node: BareNode, binary: Path, bootstrap: Mapping[str, Any]) -> None:
        self.node = node
        self._binary = binary
        self._bootstrap = bootstrap
        self._program: Program | None = None
        self._stream: DeltaStream | None = None
        self._admin = ""
        self._worker: socket.socket | None = None
        self._read = 0
        self._stale: dict[str, dict[str, None]] = {}
        self.starts = 0
        """How often it was started: what it was told before the last time it knows no more."""

    def start(self) -> None:
        """Starts it; one that runs is ended before. Raises: TakeoverError when it does not serve."""
        self.end()
        self._admin = f"envoy-takeover/{uuid.uuid4()}"
        updates, echo = f"envoy-takeover/{uuid.uuid4()}", f"envoy-takeover/{uuid.uuid4()}"
        bootstrap = with_updates(self._bootstrap, f"@{self._admin}", f"@{updates}", f"@{echo}")
        config = msgspec.json.encode(bootstrap).decode()
        options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning", "--drain-time-s", "1"]
        options += ["--drain-strategy", "immediate", "--file-flush-interval-msec", "2"]
        with self.node.new_socket(socket.AF_UNIX) as listening:
            listening.bind(f"\0{updates}")
            listening.listen(1)
            # JSON is YAML, and sooner written.
            self._program = self.node.start(*with_config(self.node, [str(self._binary), *options], config))
            self._read, self._stale = 0, {}
            self._stream = DeltaStream(self._accepted(listening))
        try:
            self._stream.wait_for({CDS.url: None, LDS.url: None}, _START)
        except (StreamEndedError, TimeoutError) as error:
            raise self._not_started(str(error)) from None
        self._wait_until_live()
        self._worker = self.node.connect(echo)
        self.starts += 1
        self._written()

    def end(self) -> None:
        """Ends it."""
        for each in (self._stream, self._worker):
            if each is not None:
                each.close()
        if self._program is not None:
            self._program.end()
        self._stream = self._worker = self._program = None

    def answers(self, resources: Sequence[Resource], keep: bool = False) -> list[Answer]:
        """What becomes of each, one after the other. It goes on with a new Envoy after one that ended, or hangs.

        An Envoy may end a moment after it has taken something. So the one at which it ended is tried again on a new
        one; if that does not end, those before it are, each alone; the first that ends it is the one. Where none does,
        it stays with the first, and `why` says so.

        Args:
            keep: whether those that are taken stay; else each is removed with the next one of its type.

        Raises: TakeoverError when a new Envoy does not start.
        """
        found: list[Answer] = []
        for each in resources:
            answer = self._answer(each, keep)
            if answer.state == "ended" and found:
                again = self.alone(each)
                if again.state == "ended":
                    answer = again
                else:
                    before = range(len(found) - 1, max(-1, len(found) - 1 - _LOOKED_BACK), -1)
                    other = next((place for place in before if self._ends(resources[place], found, place)), None)
                    unexplained = Answer("ended", f"{answer.why}, but not when tried again", answer.log)
                    answer = unexplained if other is None else again
            found.append(answer)
            if answer.state not in ("taken", "refused"):
                self.start()
        return found

    def admin(self) -> httpx.Client:
        """A client of its admin API; to be closed."""
        name = self._admin
        connect = lambda _host, _port, timeout: SocketStream(self.node.connect(name, timeout))  # noqa: E731
        return http.client(connect, "http://envoy.admin")

    def output(self, begin: int = 0) -> bytes:
        """What it wrote, to stdout, too, after so many bytes, since it was started last."""
        return self._program.output(begin) if self._program is not None else b""

    def _answer(self, offered: Resource, keep: bool) -> Answer:
        assert self._stream is not None
        stale = self._stale.setdefault(offered.url, {})
        removed = [name for name in stale if name != offered.name]
        try:
            nonce = self._stream.send(offered.url, [offered], removed)
            error = self._stream.answer(nonce, _ANSWER)
        except StreamEndedError:
            return self._ended()
        except TimeoutError:
            return self._without_answer()
        if error is None:
            for name in removed:
                del stale[name]
            if not keep:
                stale[offered.name] = None
        # else what was to be removed may still be there
        if (broken := self._broken()) is not None:
            return broken
        return Answer("taken" if error is None else "refused", error or "", self._written())

    def _broken(self) -> Answer | None:
        """What became of it, after all that its worker was told is done; None if it goes on."""
        assert self._worker is not None
        self._worker.settimeout(_HANGS)
        try:
            self._worker.sendall(b"?")
            if self._worker.recv(1):
                return None
        except TimeoutError:
            return Answer("hangs", f"its worker does not go on after {_HANGS:g} s", self._written())
        except OSError:
            pass
        return self._ended()

    def _without_answer(self) -> Answer:
        try:
            with self.admin() as admin:
                admin.timeout = httpx.Timeout(_HANGS)
                admin.get("/ready")
        except (httpx.HTTPError, OSError):
            if self.has_ended():
                return self._ended()
            return Answer("hangs", f"its admin API does not answer after {_HANGS:g} s", self._written())
        return self._broken() or Answer("unanswered", f"no answer after {_ANSWER:g} s", self._written())

    def tidy(self) -> None:
        """Removes what was not to be kept at once; one that ends of that, or hangs, is started again.

        Raises: TakeoverError when a new Envoy does not start.
        """
        try:
            self._clear()
        except (StreamEndedError, TimeoutError):
            self.start()

    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self.exit_code() is not None

    def exit_code(self) -> int | None:
        """None while it runs; 128 + the signal's number where one killed it."""
        return self._program.exit_code() if self._program is not None else None

    def _clear(self) -> None:
        """Raises: StreamEndedError, TimeoutError."""
        assert self._stream is not None
        for url, names in self._stale.items():
            if names:
                self._stream.answer(self._stream.send(url, (), names), _ANSWER)
                names.clear()

    def remove(self, resources: Iterable[Resource]) -> None:
        """Removes those that were kept, with the next one of their types."""
        for each in resources:
            self._stale.setdefault(each.url, {})[each.name] = None

    def alone(self, offered: Resource) -> Answer:
        """What becomes of it on a new Envoy, until it is removed and all is at rest.

        Raises: TakeoverError when a new Envoy does not start.
        """
        self.start()
        answer = self._answer(offered, keep=False)
        if answer.state in ("taken", "refused"):
            try:
                self._clear()
            except (StreamEndedError, TimeoutError):
                return self._ended()
            return self._broken() or answer
        return answer

    def _ends(self, offered: Resource, found: list[Answer], place: int) -> bool:
        """Whether that one alone ends an Envoy; then its answer says so."""
        answer = self.alone(offered)
        if answer.state != "ended":
            return False
        found[place] = answer
        self.start()
        return True

    def _ended(self) -> Answer:
        assert self._program is not None
        try:
            code = self._program.wait(_HANGS)
        except TimeoutError:
            return Answer("hangs", "it ended the stream, and goes on", self._written())
        return Answer("ended", f"exit code {code}", self._written())

    def _written(self) -> tuple[str, ...]:
        assert self._program is not None
        new = self._program.output(self._read)
        self._read += len(new)
        return tuple(new.decode(errors="replace").splitlines())

    def _accepted(self, listening: socket.socket) -> socket.socket:
        assert self._program is not None
        listening.settimeout(0.1)
        waiting = Retrying(stop=stop_after_delay(_START), retry=retry_if_result(operator.not_))

        def accepted() -> socket.socket | None:
            with contextlib.suppress(TimeoutError):
                return listening.accept()[0]
            if self._program is not None and self._program.exit_code() is not None:
                raise self._not_started("")
            return None

        try:
            made = waiting(accepted)
        except RetryError:
            raise self._not_started(f"it asked for nothing in {_START:g} s") from None
        assert made is not None
        return made

    def _wait_until_live(self) -> None:
        def is_live() -> bool:
            try:
                with self.admin() as admin:
                    return admin.get("/ready").status_code == httpx.codes.OK
            except (httpx.HTTPError, OSError):
                if self._program is not None and self._program.exit_code() is not None:
                    raise self._not_started("") from None
                return False

        try:
            Retrying(retry=retry_if_result(operator.not_), wait=wait_fixed(0.005), stop=stop_after_delay(_START))(
                is_live
            )
        except RetryError:
            raise self._not_started(f"it is not live after {_START:g} s") from None

    def _not_started(self, why: str) -> TakeoverError:
        last = self.output().decode(errors="replace").strip().splitlines()[-1:]
        return TakeoverError(f"{self._binary} does not start: {' '.join([why, *last]).strip() or 'without a word'}")
