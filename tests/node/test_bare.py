"""A bare node, with real programs in it; also as an ordinary user, and as one who may not make namespaces."""

import contextlib
import gc
import json
import operator
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import TakeoverError
from takeover.node.bare_node import BareNode, Program, bare_node
from takeover.node.client import CannotRunError

ROOT = Path(__file__).parents[2]
WAITING = [sys.executable, str(Path(__file__).with_name("start_and_wait.py"))]
SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
NET_BIND_SERVICE = 10  # capabilities(7)
AS_USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
WHERE_IT_IS_FORBIDDEN = [*AS_USER, "--keep-caps", "sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"']


@pytest.fixture
def node() -> Iterator[BareNode]:
    with bare_node(sys.prefix, sys.base_prefix, __file__) as node:
        assert node.exposed == ""
        yield node


def wait_for_a_word(program: Program) -> None:
    Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.01), retry=retry_if_result(operator.not_))(program.output)


def open_files() -> int:
    gc.collect()  # what an earlier test left may have its files closed at any time
    return len(list(Path("/proc/self/fd").iterdir()))


def said(node: BareNode, script: str) -> str:
    return node.run(["sh", "-c", script]).stdout.decode()


def test_a_command_runs_to_its_end(node: BareNode) -> None:
    ended = node.run(["sh", "-c", "cat; echo error >&2; exit 7"], b"x" * 1_000_000)

    assert (ended.exit_code, ended.stdout, ended.stderr) == (7, b"x" * 1_000_000, b"error\n")
    assert node.run(["sh", "-c", "kill -9 $$"]).exit_code == 128 + signal.SIGKILL


def test_it_has_loopback_and_nothing_else(node: BareNode) -> None:
    names = [line.split(":")[0].strip() for line in said(node, "cat /proc/net/dev").splitlines() if ":" in line]
    assert names == ["lo"]
    assert said(node, "cat /proc/net/route").splitlines()[1:] == []


def test_what_is_made_in_it_may_be_read_by_all(node: BareNode) -> None:
    assert said(node, "umask") == "0022\n"


def test_it_sees_its_own_processes_alone(node: BareNode) -> None:
    numbers = [int(each) for each in said(node, "ls /proc").split() if each.isdigit()]

    assert 1 in numbers
    assert len(numbers) < 6


@pytest.mark.parametrize(
    ("command", "why"), [([__file__], "Permission denied"), (["/nowhere/envoy"], "No such file or directory")]
)
def test_what_is_no_program(command: list[str], why: str, node: BareNode) -> None:
    with pytest.raises(CannotRunError, match=why):
        node.run(command)
    with node.start(command) as program, pytest.raises(CannotRunError, match=why):
        program.wait(60)


def test_a_command_that_takes_too_long_is_ended_with_its_children(node: BareNode) -> None:
    with pytest.raises(TimeoutError, match=r"did not end within 0.2 s and was ended"):
        node.run(["sh", "-c", "sleep 1000 & sleep 1000"], timeout=0.2)

    waiting = Retrying(retry=retry_if_result(bool), stop=stop_after_delay(60), wait=wait_fixed(0.01))
    waiting(lambda: "sleep" in said(node, "cat /proc/[0-9]*/comm"))


def test_a_program_that_goes_on(node: BareNode) -> None:
    with node.start(["sh", "-c", "echo one; echo two >&2; read line; exit 3"]) as ended:
        assert ended.wait(60) == 3
        assert (ended.exit_code(), ended.output()) == (3, b"one\ntwo\n")
    with node.start(["sleep", "1000"]) as program:
        assert program.exit_code() is None
        with pytest.raises(TimeoutError):
            program.wait(0.05)


def test_connections_to_what_listens_in_it(node: BareNode) -> None:
    server = "import socket; s = socket.create_server(('127.0.0.1', 80)); print(1); s.accept()[0].send(b'hi')"
    with pytest.raises(ConnectionRefusedError):
        node.connect(("127.0.0.1", 80))
    with node.start([sys.executable, "-u", "-c", server]) as program:
        wait_for_a_word(program)
        with node.connect(("127.0.0.1", 80)) as connection:
            assert connection.recv(10) == b"hi"
        assert program.wait(60) == 0


def test_a_test_may_listen_in_it(node: BareNode) -> None:
    with node.new_socket() as listening:
        listening.bind(("127.0.0.1", 80))
        listening.listen()
        with node.connect(("127.0.0.1", 80)), listening.accept()[0]:
            pass
    with bare_node() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.1", 80))


def test_abstract_unix_sockets(node: BareNode) -> None:
    server = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0name'); s.listen(); print(1); s.accept()"
    with node.start([sys.executable, "-u", "-c", server]) as program:
        wait_for_a_word(program)
        node.connect("name").close()
        assert program.wait(60) == 0
    with pytest.raises(ConnectionRefusedError):
        node.connect("name")


def test_nothing_of_the_machine_has_a_path_in_it_but_programs_and_what_is_named(tmp_path: Path) -> None:
    (tmp_path / "beside").touch()
    (tmp_path / "named").write_text("named")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder/in it").write_text("in it")
    with bare_node(tmp_path / "named", tmp_path / "a folder") as node:
        assert said(node, f"cd '{tmp_path}'; ls; cat named 'a folder/in it'") == "a folder\nnamed\nnamedin it"
        assert set(said(node, "ls -A /").split()) <= {*SYSTEM, "dev", "etc", "proc", "root", "run", "tmp", "work"}
        assert set(said(node, "ls -A /etc").split()) <= {"hosts", "ld.so.cache", "localtime", "ssl"}
        assert said(node, "ls -A /run /root /home; pwd") == "/run:\n/\n"
        for path in said(node, "ls -d /proc/[0-9]*/root /proc/[0-9]*/cwd").split():
            assert f"{tmp_path}/beside" not in said(node, f"ls {path}{tmp_path}/beside")


def test_nothing_of_the_machine_can_be_changed_in_it(tmp_path: Path) -> None:
    (tmp_path / "named").write_text("named")
    with bare_node(tmp_path / "named") as node:
        places = [tmp_path / "named", "/usr/bin/new", "/proc/sys/kernel/core_pattern", "/etc/ld.so.cache"]
        for path in places:
            ended = node.run(["sh", "-c", f"echo changed >>'{path}'"])
            assert ended.exit_code != 0
            assert re.search(b"Read-only|nonexistent|denied", ended.stderr)
        assert node.run(["chmod", "600", "/dev/null"]).exit_code != 0
    assert (tmp_path / "named").read_text() == "named"


def test_what_is_not_there_cannot_be_shown() -> None:
    with bare_node("/nowhere/envoy") as node, pytest.raises(TakeoverError) as caught:
        node.run(["true"])
    assert str(caught.value) == "the node could not be made: /nowhere/envoy: No such file or directory"


def test_where_a_container_around_hides_parts_of_proc_there_is_none() -> None:
    """The kernel gives no other one then. The machine's own would lead to the root of other processes."""
    # In each that there is: one whole proc anywhere, and the kernel gives more.
    hiding = """
awk '$3 == "proc" {print $2}' /proc/mounts | while read -r each; do mount -t tmpfs none "$each/sys/fs"; done
exec unshare --user --map-root-user --mount "$@"
"""
    code = """
from takeover.node.bare_node import bare_node
with bare_node() as node:
    print(repr(node.exposed), node.run(["ls", "-A", "/proc"]).stdout, node.run(["echo", "runs"]).stdout)
"""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", hiding, "sh", sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert (ended.stdout.strip(), ended.stderr) == ("'' b'' b'runs\\n'", "")


def test_programs_have_no_rights_there_also_where_root_runs_them(node: BareNode) -> None:
    # Also the process that starts them has none: else they could take its place.
    for process in ("self", "2"):
        held = [line.split()[1] for line in said(node, f"grep ^Cap /proc/{process}/status").splitlines()]
        assert [int(each, 16) & ~(1 << NET_BIND_SERVICE) for each in held] == [0] * 5

    assert node.run(["mknod", "/run/disk", "b", "254", "0"]).exit_code != 0
    assert node.run(["mount", "-t", "tmpfs", "none", "/run"]).exit_code != 0


def test_programs_get_no_environment_of_ours(node: BareNode) -> None:
    assert os.environ.keys() & {"USER", "PYTEST_VERSION", "PYTEST_CURRENT_TEST"}
    assert {line.split("=")[0] for line in said(node, "env").splitlines()} == {"PATH", "HOME", "PWD"}


def test_threads_share_a_node(node: BareNode) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert [int(each) for each in pool.map(lambda n: said(node, f"echo {n}"), range(40))] == list(range(40))


def test_a_closed_node_says_so(node: BareNode) -> None:
    node.close()
    with pytest.raises(TakeoverError, match="the node is gone"):
        node.run(["true"])


def test_nothing_is_open_or_running_afterwards() -> None:
    with bare_node() as node:
        node.run(["true"])
    before = open_files()
    with bare_node() as node:
        node.run(["true"])
        with node.start(["sleep", "1000"]):
            node.new_socket().close()
        with pytest.raises(TimeoutError):
            node.run(["sleep", "1000"], timeout=0.01)
    assert open_files() == before


def test_nothing_is_open_in_it_afterwards(node: BareNode) -> None:
    def open_there() -> int:
        return int(said(node, "ls /proc/2/fd | wc -l"))

    said(node, "true")
    before = open_there()
    for _ in range(10):
        node.run(["cat"], b"x")
        with pytest.raises(CannotRunError):
            node.run(["/nowhere"])
        node.new_socket().close()
        with node.start(["sleep", "1000"]):
            pass
    waiting = Retrying(
        retry=retry_if_result(lambda now: now > before), stop=stop_after_delay(60), wait=wait_fixed(0.01)
    )
    assert waiting(open_there) <= before


def test_a_program_may_be_ended_twice_and_a_node_be_closed_twice(node: BareNode) -> None:
    program = node.start(["sleep", "1000"])
    for _ in range(2):
        program.end()
    for _ in range(2):
        node.close()


@pytest.mark.parametrize(
    ("before", "exposed"),
    [
        ([], ""),
        (AS_USER, ""),
        ([*WHERE_IT_IS_FORBIDDEN, "sh"], "does not let a user make namespaces (user.max_user_namespaces=0)"),
    ],
    ids=["root", "ordinary user", "forbidden"],
)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, None], ids=["killed", "Ctrl-C", "ended"])
def test_it_ends_with_its_run(
    before: list[str], exposed: str, number: signal.Signals | None, new_tag: Callable[[], Any]
) -> None:
    tag = new_tag()
    environment = tag.environment | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*before, *WAITING, tag.argument],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout
        why = json.loads(process.stdout.readline())["exposed"]
        assert exposed in why
        assert bool(exposed) == bool(why)
        assert sum(tag.argument in each for each in tag.processes()) >= 2
        if number is not None:
            process.send_signal(number)
        process.communicate(b"\n", timeout=300)
    assert process.returncode == (0 if number is None else -number)
    waiting = Retrying(retry=retry_if_result(bool), stop=stop_after_delay(10 if number else 0), wait=wait_fixed(0.02))
    waiting(tag.processes)


def test_sockets_are_handed_out_many_at_once() -> None:
    with bare_node() as node, node.new_socket() as listening, contextlib.ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        made = [stack.enter_context(each) for each in node.new_sockets(40)]
        for each in made:
            each.connect(listening.getsockname())
        assert len({each.getsockname() for each in made}) == 40
