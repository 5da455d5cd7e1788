"""Which namespaces count as left by a dead run, and the command's own input."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from takeover.cli.main import main
from takeover.engines.kubernetes import leftovers, objects, processes

HOUR = timedelta(hours=1)


class FakeApi:
    def __init__(self, *items: dict[str, Any]) -> None:
        self._items = items

    async def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"items": self._items}


def namespace(pid: int, start: str, host: str | None = None, age: timedelta = timedelta()) -> dict[str, Any]:
    notes = {objects.HOST: host or processes.host(), objects.PID: str(pid), objects.PROCESS_START: start}
    made = (datetime.now(UTC) - age).isoformat()
    metadata = {"name": "takeover-1-1-default", "creationTimestamp": made, "annotations": notes}
    return {"metadata": metadata}


def found(*items: dict[str, Any]) -> list[str]:
    api: Any = FakeApi(*items)
    return [each.why for each in asyncio.run(leftovers.find(api, HOUR))]


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


def test_another_hosts_run_is_dead_by_age_only() -> None:
    assert found(namespace(1, "1", host="other x", age=HOUR / 2)) == []
    assert found(namespace(1, "1", host="other x", age=2 * HOUR)) == ["made by other, too long ago"]


def test_what_is_being_deleted_is_left_alone() -> None:
    going = namespace(gone_pid(), "1")
    going["metadata"]["deletionTimestamp"] = "now"
    assert found(going) == []


@pytest.mark.parametrize("text", ["3", "h", "1 h", "1w", "-1h"])
def test_an_age_that_is_none_is_a_usage_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["clean", f"--older-than={text}"])
    assert ended.value.code == 2
    assert "write a number and s, m, h or d" in capsys.readouterr().err


def test_no_kubeconfig_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", "--kubeconfig", "/nonexistent/config"]) == 2
    assert capsys.readouterr().err.startswith("takeover clean: no kubeconfig at /nonexistent/config")
