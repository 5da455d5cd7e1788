"""Commands that run for somebody who waits: their exit codes, and their end when nobody waits any more."""

import contextlib
import gc
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.engines.local.inside import handlers
from takeover.engines.local.inside.handlers import Ends, Refused
from takeover.engines.local.messages import Execute, Sockets


@pytest.fixture
def reply() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def files() -> list[int]:
    return [os.open(os.devnull, os.O_RDWR) for _ in range(3)]


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)])
def test_how_a_command_ended(script: str, code: int, reply: tuple[socket.socket, socket.socket]) -> None:
    gc.collect()  # what an earlier test left may have its files closed at any time
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert handlers._run(["sh", "-c", script], Ends(reply[1], files())) == code
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_when_nobody_waits_it_ends_with_all_that_came_from_it(
    reply: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    script = f"sleep 1000 & echo $! >{tmp_path}/child; wait"
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(handlers._run(["sh", "-c", script], Ends(reply[1], files()))))
    thread.start()
    wait = Retrying(retry=retry_if_result(lambda seen: not seen), stop=stop_after_delay(60), wait=wait_fixed(0.01))
    child = tmp_path / "child"
    wait(lambda: child.exists() and child.read_text())
    assert codes == []
    reply[0].close()
    thread.join(60)
    assert codes == [137]
    number = child.read_text().strip()

    def has_ended() -> bool:
        try:
            return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    wait(has_ended)


def test_who_does_not_run_takes_no_command(reply: tuple[socket.socket, socket.socket]) -> None:
    container: Any = SimpleNamespace(running=False)
    with pytest.raises(Refused, match="container main does not run") as refused:
        handlers.execute(Execute("default/app", "main", ["true"]), container, Ends(reply[1], []))
    assert refused.value.kind == "not running"


@pytest.mark.parametrize("is_6", [False, True])
def test_sockets_are_of_the_family_that_is_asked_for(is_6: bool) -> None:
    with contextlib.ExitStack() as open_files:
        for each in handlers.sockets(Sockets("pod", None, 2, is_6)).descriptors:
            made = open_files.enter_context(socket.socket(fileno=each))
            assert made.family == (socket.AF_INET6 if is_6 else socket.AF_INET)
