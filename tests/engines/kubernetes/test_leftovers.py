"""Which namespaces count as left by a dead run, and the command's own input."""

import asyncio
import io
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from takeover.cli.main import main
from takeover.engines.kubernetes import leftovers, objects, processes, removal
from tests.engines.kubernetes.fake_server import kubeconfig, serving, welcome

HOUR = timedelta(hours=1)
NOW = datetime(2031, 1, 1, tzinfo=UTC)  # the API server's clock, which is not ours


class FakeApi:
    def __init__(self, *items: dict[str, Any]) -> None:
        self._items = items

    async def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"items": self._items}

    async def time(self) -> datetime:
        return NOW


def namespace(
    pid: int, start: str, host: str | None = None, age: timedelta = timedelta(), silent: timedelta | None = None
) -> dict[str, Any]:
    notes = {objects.HOST: host or processes.host(), objects.PID: str(pid), objects.PROCESS_START: start}
    signs = [{"manager": "envoy-takeover", "time": (NOW - silent).isoformat()}] if silent is not None else []
    metadata = {
        "name": "takeover-1-1-default",
        "creationTimestamp": (NOW - age).isoformat(),
        "annotations": notes,
        "labels": {objects.RUN: "1"},
        "managedFields": [{"manager": "kubectl", "time": NOW.isoformat()}, *signs],
    }
    return {"metadata": metadata}


def found(*items: dict[str, Any], older_than: timedelta = HOUR) -> list[str]:
    api: Any = FakeApi(*items)
    return [each.why for each in asyncio.run(leftovers.find(api, older_than))]


def gone_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_run_whose_process_is_gone_is_dead_at_once() -> None:
    pid = gone_pid()
    assert found(namespace(pid, "1")) == [f"process {pid} of this host is gone"]


def test_a_run_that_still_runs_is_never_dead() -> None:
    alive = namespace(os.getpid(), processes.start(os.getpid()), age=10 * HOUR)
    assert found(alive) == []


def test_another_process_with_the_same_id_does_not_keep_it_alive() -> None:
    assert len(found(namespace(os.getpid(), "1"))) == 1


def test_another_hosts_run_is_dead_when_it_has_long_been_silent() -> None:
    assert found(namespace(1, "1", host="other x", age=HOUR / 2)) == []
    assert found(namespace(1, "1", host="other x", age=2 * HOUR)) == ["made by other, no sign of life for 2:00:00"]
    assert len(found(namespace(1, "1", host="other x", age=3 * HOUR, silent=2 * HOUR))) == 1


def test_another_hosts_run_that_gives_signs_lives_however_old_it_is() -> None:
    assert found(namespace(1, "1", host="other x", age=100 * HOUR, silent=HOUR / 2)) == []


def test_no_age_is_so_short_that_a_living_run_would_count_as_dead() -> None:
    between_two_signs = namespace(1, "1", host="other x", age=2 * HOUR, silent=timedelta(minutes=2))
    assert found(between_two_signs, older_than=timedelta()) == []


@pytest.mark.parametrize("host", [processes.host().split()[0], f"{processes.host().split()[0]} pid:[4026531836]"])
def test_a_hosts_name_and_the_first_pid_namespace_are_many_machines(host: str) -> None:
    assert found(namespace(gone_pid(), "1", host=host)) == []


def test_two_machines_of_one_name_and_one_image_are_two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = processes.host()
    (tmp_path / "boot").write_text("another-boot\n")
    monkeypatch.setattr(processes, "_BOOT", str(tmp_path / "boot"))
    assert processes.host().split()[0] == here.split()[0]
    assert not processes.is_this_host(here)


@pytest.mark.parametrize("lacks", ["name", "label", "note"])
def test_what_no_run_made_is_left_alone(lacks: str) -> None:
    somebodys = namespace(gone_pid(), "1", age=9 * HOUR)
    metadata = somebodys["metadata"]
    match lacks:
        case "name":
            metadata["name"] = "production"
        case "label":
            metadata["labels"] = {objects.MANAGED_BY: objects.MANAGER}
        case _:
            metadata["annotations"] = {}
    assert found(somebodys) == []


HELD = {
    "type": "NamespaceFinalizersRemaining",
    "status": "True",
    "message": "Some content has finalizers remaining: example.com/held in 1 resource instances",
}


def going(pid: int, start: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    entry = namespace(pid, start)
    entry["metadata"]["deletionTimestamp"] = NOW.isoformat()
    return {**entry, "status": {"phase": "Terminating", "conditions": list(conditions)}}


@pytest.mark.parametrize(("conditions", "held_by"), [((HELD,), HELD["message"]), ((), "it is being deleted")])
def test_what_a_dead_run_left_is_found_also_where_it_does_not_go(conditions: Any, held_by: str) -> None:
    api: Any = FakeApi(going(gone_pid(), "1", *conditions))
    (leftover,) = asyncio.run(leftovers.find(api, HOUR))
    assert leftover.held_by == held_by


def test_what_a_living_run_deletes_is_left_alone() -> None:
    assert found(going(os.getpid(), processes.start(os.getpid()), HELD)) == []


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--yes"], 2)])
def test_what_is_held_is_told_and_waited_for(
    options: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = going(gone_pid(), "1", HELD)
    entry["metadata"]["uid"] = "u"
    called: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        called.append(request.method)
        if "watch" in request.query:
            watch = web.StreamResponse()
            await watch.prepare(request)
            await asyncio.Event().wait()
        return await welcome(request) or web.json_response({"items": [entry], "metadata": {"resourceVersion": "1"}})

    monkeypatch.setattr(removal, "_HELD_TIMEOUT", 0.5)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with serving(handler) as port:
        config = kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}")
        assert main(["clean", "--kubeconfig", config, *options]) == code
    output = capsys.readouterr()
    assert f"is gone; {HELD['message']})" in output.out
    assert ("still there: namespace takeover-1-1-default (Some content" in output.err) is (code == 2)
    assert "DELETE" not in called  # that was done


@pytest.mark.parametrize("text", ["3", "h", "1 h", "1w", "-1h", "9999999999d", "9" * 5_000 + "s"])
def test_an_age_that_is_none_is_a_usage_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["clean", f"--older-than={text}"])
    assert ended.value.code == 2
    assert "write a number and s, m, h or d" in capsys.readouterr().err


def test_no_kubeconfig_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", "--kubeconfig", "/nonexistent/config"]) == 2
    assert capsys.readouterr().err.startswith("takeover clean: no kubeconfig at /nonexistent/config")
