"""A command that runs in a container: what proves that it ended, and what is told where nothing does."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from takeover.base.errors import LostError, TakeoverError
from takeover.engines.kubernetes import streams
from takeover.model.execution import ExecResult

Cut = Callable[[bytes], bytes]
"""What becomes of an output on its way."""


class FakeExecution:
    """Runs the command here, with its outputs on their way through a kubelet that may be cut off."""

    def __init__(self, command: Sequence[str], cut: Cut, path: str) -> None:
        self._command = list(command)
        self._cut = cut
        self._path = path
        self._stdin = b""
        self.exit_code: int | None = None

    async def send(self, data: bytes) -> None:
        self._stdin += data

    async def end_stdin(self) -> None:
        pass

    async def outputs(self) -> AsyncIterator[tuple[int, bytes]]:
        await asyncio.sleep(0)  # the stdin comes by a task of its own
        program = "/bin/sh" if self._command[0] == "sh" else self._command[0]
        ran = subprocess.run(
            [program, *self._command[1:]], input=self._stdin, capture_output=True, env={"PATH": self._path}
        )
        for channel, data in ((streams.STDOUT, ran.stdout), (streams.STDERR, ran.stderr)):
            yield channel, self._cut(data)
        is_cut = self._cut(ran.stdout + ran.stderr) != ran.stdout + ran.stderr
        code = 128 - ran.returncode if ran.returncode < 0 else ran.returncode
        self.exit_code = 0 if is_cut else code  # as an API server says it


def execute(
    monkeypatch: pytest.MonkeyPatch, command: Sequence[str], stdin: bytes = b"", cut: Cut = bytes
) -> ExecResult:
    @asynccontextmanager
    async def execution(*arguments: Any) -> AsyncIterator[FakeExecution]:
        yield FakeExecution(arguments[4], cut, os.environ["PATH"])

    monkeypatch.setattr(streams, "execution", execution)
    api: Any = None
    return asyncio.run(streams.execute(api, "n", "p", "c", command, stdin, 60.0))


@pytest.mark.parametrize(
    ("script", "stdin", "result"),
    [
        ("printf 'a\\0b'; echo c >&2", b"", ExecResult(0, b"a\0b", b"c\n")),
        ("exit 3", b"", ExecResult(3, b"", b"")),
        ("kill -KILL $$", b"", ExecResult(137, b"", b"")),
        ("exit 127", b"", ExecResult(127, b"", b"")),
        ("cat", b"given", ExecResult(0, b"given", b"")),
        ("true", b"not read", ExecResult(0, b"", b"")),
        ("(sleep 0.1; echo late) &", b"", ExecResult(0, b"late\n", b"")),
    ],
)
def test_a_command_says_what_it_would_by_itself(
    monkeypatch: pytest.MonkeyPatch, script: str, stdin: bytes, result: ExecResult
) -> None:
    assert execute(monkeypatch, ["sh", "-c", script], stdin) == result


@pytest.mark.parametrize("cut", [lambda data: data[:0], lambda data: data[:3], lambda data: data[:-1]])
@pytest.mark.parametrize("script", ["true", "echo an answer", "exit 3"])
def test_one_that_was_cut_off_is_no_success(monkeypatch: pytest.MonkeyPatch, script: str, cut: Cut) -> None:
    with pytest.raises(LostError, match=r"in container c of Pod p in n was cut off"):
        execute(monkeypatch, ["sh", "-c", script], cut=cut)


@pytest.mark.parametrize("command", ["no-such-program", "/etc/passwd", "/no/such"])
def test_a_program_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    with pytest.raises(TakeoverError, match=f"{command}: executable file not found") as told:
        execute(monkeypatch, [command])
    assert not isinstance(told.value, LostError)


def said(message: str, reason: str = "InternalError") -> dict[str, Any]:
    return {"status": "Failure", "message": message, "reason": reason}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('Internal error occurred: error sending request: Post "https://10.0.0.1:10250/exec/": refused', LostError),
        ('error executing command in container: exec: "x": executable file not found in $PATH', TakeoverError),
        ('error executing command in container: exec: "sh": executable file not found', streams.NoShellError),
        ("container not found", streams.NotRunningError),
    ],
)
def test_who_could_not_run_it_is_told_apart(message: str, kind: type[Exception]) -> None:
    socket: Any = None
    with pytest.raises(TakeoverError) as told:
        streams.ExecStream(socket, "container c")._exit_code(json.dumps(said(message)).encode())
    assert type(told.value) is kind
