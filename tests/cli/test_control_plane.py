"""`takeover control-plane` on a machine: serves a folder, follows changes, ends at Ctrl-C; a mistake is one line."""

import contextlib
import functools
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from takeover.envoy.releases import resolve
from takeover.evidence.quiescence import waited_for
from tests.peers.upstream import own_address

TAKEOVER = [sys.executable, "-c", "import sys; from takeover.cli.start import main; sys.exit(main())"]
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def written(folder: Path, *names: str) -> Path:
    resources = [{"@type": CLUSTER, "name": name, "connect_timeout": "1s"} for name in names]
    write(folder / "cds.yaml", yaml.safe_dump({"resources": resources}))
    return folder


def write(file: Path, text: str) -> None:
    """Whole: who reads it at any time finds what it was or what it becomes."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", httpx.Client]]:
    """It, and a client of its API."""
    command = [*TAKEOVER, "control-plane", str(folder), "--xds-port", "0", "--api-port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.fullmatch(r"xDS on 127\.0\.0\.1:\d+, its API on (\d+): version 1 of .+\n", process.stdout.readline())
        assert found
        with httpx.Client(base_url=f"http://127.0.0.1:{found[1]}", timeout=120, trust_env=False) as api:
            yield process, api
    finally:
        process.kill()
        process.communicate(timeout=300)


def test_a_file_that_is_changed_is_a_new_snapshot(tmp_path: Path) -> None:
    with running(written(tmp_path, "a")) as (_, api):
        assert api.get("/snapshot").json()["version"] == "1"
        number = api.get("/record").json()["entries"][-1]["number"]
        written(tmp_path, "a", "b")
        [entry] = api.get("/record", params={"after": number, "wait": 60}).json()["entries"]
        assert (entry["event"], entry["version"]) == ("published", "2")
        assert "b" in api.get("/snapshot").text


@pytest.mark.parametrize(
    ("by", "code", "line"), [(signal.SIGINT, 2, "\ninterrupted\n"), (signal.SIGTERM, 0, "")], ids=["Ctrl-C", "SIGTERM"]
)
def test_it_ends_when_it_is_told_to(tmp_path: Path, by: signal.Signals, code: int, line: str) -> None:
    with running(written(tmp_path, "a")) as (process, api):
        assert api.get("/ready").status_code == 200
        process.send_signal(by)
        assert process.communicate(timeout=300) == ("", line)
        assert process.returncode == code


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["nowhere"], "takeover control-plane: nowhere: No such file or directory"),
        (["."], "takeover control-plane: cds.yaml: "),
        ([".", "--xds-port", "65536"], "takeover control-plane: error: argument --xds-port: '65536' is no port: "),
        ([], "takeover control-plane: error: the following arguments are required: FOLDER"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, options: list[str], line: str) -> None:
    (tmp_path / "cds.yaml").write_text("resources: [{'@type': type.googleapis.com/no.Such}]")
    ended = subprocess.run([*TAKEOVER, "control-plane", *options], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    *usage, told = ended.stderr.splitlines()
    assert told.startswith(line)
    assert bool(usage) == ("error:" in line)


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for other, option in (("--api-port", "--xds-port"), ("--xds-port", "--api-port")):
            command = [*TAKEOVER, "control-plane", str(tmp_path), option, port, other, "0"]
            ended = subprocess.run(command, capture_output=True, text=True)
            assert ended.returncode == 2
            told = ended.stderr.splitlines()[-1]
            assert told.startswith("takeover control-plane: ")
            assert port in told
            assert "Traceback" not in ended.stderr


GUIDE = (Path(__file__).parents[2] / "docs/control-plane.md").read_text()


def test_envoy_follows_as_the_guide_says(tmp_path: Path) -> None:
    address = own_address()
    for name, text in re.findall(r"^`([\w/]+\.yaml)`:\n\n((?:    .*\n)+)", GUIDE, re.MULTILINE):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text).replace("127.0.0.1", address))
    options = ["--address", address, "--xds-port", "18000", "--api-port", "18001"]
    with (tmp_path / "log").open("wb") as log, contextlib.ExitStack() as started:

        def start(*command: str) -> None:
            process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
            started.callback(process.wait)
            started.callback(process.kill)

        def missing(port: str, path: str, text: str) -> str:
            with contextlib.suppress(httpx.TransportError):
                came = httpx.get(f"http://{address}:{port}{path}", trust_env=False, timeout=60).text
                return "" if text in came else f"{came!r} is not {text!r}"
            return "nobody answers"

        def expect(port: str, path: str, text: str) -> None:
            why = waited_for(functools.partial(missing, port, path, text), 60)
            assert not why, f"{why}\n{(tmp_path / 'log').read_text()}"

        start(*TAKEOVER, "control-plane", "config", *options)
        expect("18001", "/record", "published")  # before Envoy asks, which waits longer each time that nobody answers
        start(str(resolve(None)[0].path), "-c", "envoy.yaml", "--disable-hot-restart", "--concurrency", "1")
        expect("10000", "/", "one")
        path = tmp_path / "config/rds.yaml"
        write(path, path.read_text().replace("one", "two"))
        expect("10000", "/", "two")
        record = httpx.get(f"http://{address}:18001/record", trust_env=False, timeout=60).json()
        assert {each["event"] for each in record["entries"]} >= {"published", "request", "response", "ack"}


def test_other_commands_import_nothing_of_it() -> None:
    code = (
        "import sys; from takeover.cli.main import main; main(['schema']); "
        "sys.exit(','.join({'grpc', 'google.protobuf'} & sys.modules.keys()) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
