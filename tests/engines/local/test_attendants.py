"""Processes that stay and do what is asked of them: several things at once, until they are ended."""

import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.engines.local.inside.attendants import Attendant
from takeover.node import wire


def serve(message: Any, reply: socket.socket, files: list[int]) -> None:
    """Answers with where it is, or never; a file that comes is read."""
    if message == "wait":
        signal.pause()
    read = [os.pread(each, 100, 0).decode() for each in files]
    wire.send(reply, [os.getpid(), os.environ.get("ATTENDANT"), read])


def enter() -> None:
    os.environ["ATTENDANT"] = "entered"


def asked(attendant: Attendant, message: str, *files: int) -> socket.socket:
    ours, theirs = wire.pair()
    ours.settimeout(60)
    with theirs:
        attendant.ask(message, theirs, files)
    return ours


def answer(attendant: Attendant, *files: int) -> list[Any]:
    with asked(attendant, "tell", *files) as reply:
        told: list[Any] = wire.receive(reply)[0]
        return told


def test_it_is_entered_once_and_does_one_thing_beside_another(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with (tmp_path / "file").open() as file:
        attendant = Attendant(enter, serve, [])
        try:
            with asked(attendant, "wait"):
                first, second = answer(attendant), answer(attendant, file.fileno())
        finally:
            attendant.end()

    assert first[0] == second[0] != os.getpid()
    assert (first[1], second[2]) == ("entered", ["text"])
    assert "ATTENDANT" not in os.environ


def test_what_is_not_for_it_is_closed_in_it_and_open_here() -> None:
    ours, theirs = os.pipe()
    attendant = Attendant(enter, serve, [theirs])
    os.close(theirs)
    os.set_blocking(ours, False)
    try:
        answer(attendant)
        assert os.read(ours, 1) == b""  # nobody has the other end any more
    finally:
        os.close(ours)
        attendant.end()


def test_when_it_is_ended_who_waits_is_told_and_nothing_is_left() -> None:
    attendant = Attendant(enter, serve, [])
    process = answer(attendant)[0]
    with asked(attendant, "wait") as waiting:
        attendant.end()
        with pytest.raises(wire.Closed):
            wire.receive(waiting)
    assert not Path(f"/proc/{process}").exists()


def test_a_reply_that_is_served_is_closed() -> None:
    attendant = Attendant(enter, lambda *_: None, [])
    try:
        with asked(attendant, "tell") as reply, pytest.raises(wire.Closed):
            wire.receive(reply)
    finally:
        attendant.end()


def test_it_ends_with_who_made_it() -> None:
    read, write = os.pipe()
    maker = os.fork()
    if maker == 0:
        try:
            attendant = Attendant(enter, serve, [])
            os.write(write, str(answer(attendant)[0]).encode())
        finally:
            os._exit(0)  # or what fails here would go on as a second pytest
    os.waitpid(maker, 0)
    process = int(os.read(read, 100))
    os.close(read)
    os.close(write)

    def runs() -> bool:
        with contextlib.suppress(OSError):  # it is gone, perhaps just now
            return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return False

    Retrying(retry=retry_if_result(bool), stop=stop_after_delay(60), wait=wait_fixed(0.01))(runs)
