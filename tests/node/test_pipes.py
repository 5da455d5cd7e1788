"""The standard streams of a command at our end: all that goes in and comes out, however full the pipes are."""

import gc
import os
import socket
import threading
import time
from collections.abc import Callable

import pytest

from takeover.node.pipes import Pipes


def open_files() -> set[str]:
    gc.collect()  # what an earlier test left may have its files closed at any time
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208


def carried(stdin: bytes, command: Callable[[int, int, int], None], seconds: float = 10) -> tuple[bytes, bytes]:
    """What a command writes, which is a function of its three files here."""
    ours, theirs = socket.socketpair()
    with ours, theirs, Pipes(stdin) as pipes:
        files = [os.dup(each) for each in pipes.theirs]
        pipes.close_theirs()

        def work() -> None:
            command(*files)
            for each in files:
                os.close(each)
            theirs.send(b"ended")

        thread = threading.Thread(target=work)
        thread.start()
        pipes.carry_until_readable(ours, time.monotonic() + seconds)
        thread.join(60)
        pipes.carry_what_is_there()
        return pipes.stdout, pipes.stderr


def read_all(file: int) -> bytes:
    received = b""
    while data := os.read(file, 1 << 20):
        received += data
    return received


def write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 4096], ids=["none", "a byte", "1 MiB"])
def test_what_goes_in_comes_out(data: bytes) -> None:
    def echo(stdin: int, stdout: int, stderr: int) -> None:
        received = read_all(stdin)
        write_all(stderr, received[::-1])
        write_all(stdout, received)

    assert carried(data, echo) == (data, data[::-1])


def test_both_outputs_may_be_long_before_anything_is_read() -> None:
    def tell(stdin: int, stdout: int, stderr: int) -> None:
        write_all(stdout, b"o" * 300_000)
        write_all(stderr, b"e" * 300_000)
        assert read_all(stdin) == b"i" * 300_000

    assert carried(b"i" * 300_000, tell) == (b"o" * 300_000, b"e" * 300_000)


def test_who_reads_nothing_is_no_error() -> None:
    assert carried(b"x" * 300_000, lambda _, stdout, __: write_all(stdout, b"done")) == (b"done", b"")


def test_at_the_deadline_there_is_what_came_until_then() -> None:
    goes_on = threading.Event()

    def tell(_: int, stdout: int, __: int) -> None:
        write_all(stdout, b"begun")
        goes_on.wait(60)

    timer = threading.Timer(0.3, goes_on.set)
    timer.start()
    assert carried(b"", tell, seconds=0.05) == (b"begun", b"")
    timer.join()


def test_nothing_is_open_afterwards_whatever_was_done() -> None:
    before = open_files()
    for until_the_end in (False, True):
        with Pipes(b"x" * 300_000) as pipes:
            if until_the_end:
                pipes.close_theirs()
                ours, theirs = socket.socketpair()
                with ours, theirs:
                    theirs.send(b"x")
                    pipes.carry_until_readable(ours, time.monotonic() + 10)
    del pipes
    assert open_files() == before


def test_the_numbers_of_files_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stdin's may be the highest one."""
    pairs = [os.pipe() for _ in range(3)]
    monkeypatch.setattr(os, "pipe", pairs.pop)

    assert carried(b"abc", lambda stdin, stdout, _: write_all(stdout, read_all(stdin))) == (b"abc", b"")


def test_a_wait_leaves_the_end_to_be_waited_for_again() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Pipes(b"") as pipes:
        for _ in range(2):
            pipes.carry_until_readable(ours, time.monotonic() + 0.01)
        theirs.send(b"x")
        began = time.monotonic()
        pipes.carry_until_readable(ours, began + 30)
        assert time.monotonic() - began < 20
