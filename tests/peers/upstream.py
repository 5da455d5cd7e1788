"""The hostile upstream as a process of its own, for the tests that ask it by programs that others wrote."""

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from takeover.engines.images import PEERS_FOLDER
from takeover.evidence.quiescence import waited_for

CERTIFICATES = Path(__file__).parents[2] / "manifests/bases/certificates"
SERVICES = CERTIFICATES.parent / "services"
_RUNNING = itertools.count()
_FIRST = 20000
"""Added to each port, so that nobody need be root."""


def own_address() -> str:
    """One of this machine that no other process of tests has; it is this process's again after seven others."""
    number = 8 * os.getpid() + next(_RUNNING) % 8  # another one may still run
    return f"127.{1 + number // 62500 % 250}.{number // 250 % 250}.{1 + number % 250}"


class Upstream:
    """One that runs. Its address is this process's alone, so that several do not meet."""

    def __init__(self, address: str, log: Path) -> None:
        self.address = address
        self._log = log

    def at(self, port: int) -> tuple[str, int]:
        return self.address, _FIRST + port

    def place(self, port: int) -> str:
        return f"{self.address}:{_FIRST + port}"

    def connect(self, port: int) -> socket.socket:
        return socket.create_connection(self.at(port), timeout=60)

    def control(self, line: bytes) -> bytes:
        with self.connect(9999) as asked:
            asked.sendall(line)
            answer = b""
            while not answer.endswith(b"\n"):
                answer += asked.recv(1 << 16)
        return answer

    def seen(self, port: int) -> dict[str, Any]:
        """The last connection to that port, as soon as it has ended."""
        found: dict[str, Any] = {}

        def missing() -> str:
            for each in json.loads(self.control(b"seen\n")):
                if each["server"] == self.place(port):
                    found.update(each)
            return "" if found.get("end") else f"last: {found}"

        assert not waited_for(missing, 60), missing()
        return found

    def log(self) -> list[Any]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@contextlib.contextmanager
def running(program: str = "hostile") -> Iterator[Upstream]:
    """It, or a program that is it and something besides."""
    address = own_address()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-E", "-s", "-S", "-B", "-u", str(PEERS_FOLDER / program), address, str(_FIRST)],
                env={"HOSTILE_CERTIFICATES": str(CERTIFICATES), "SERVICES_FILES": str(SERVICES)},
                stdout=file,
            )
        try:
            upstream = Upstream(address, log)

            def missing() -> str:
                assert process.poll() is None
                try:
                    upstream.connect(9999).close()
                except OSError as error:
                    return str(error)
                return ""

            assert not waited_for(missing, 60)
            yield upstream
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()


def program(name: str) -> str:
    """Its path. Without it the test fails: what it is about was not looked at."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"there is no {name} on PATH: ./test installs it", pytrace=False)
    return path


def run(*command: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[str]":
    """What a client said. Nothing that it asks for takes longer than a few seconds of a machine that is idle."""
    ended = subprocess.run(command, input=stdin, capture_output=True, timeout=300)
    text = (each.decode(errors="backslashreplace") for each in (ended.stdout, ended.stderr))
    return subprocess.CompletedProcess(command, ended.returncode, *text)
