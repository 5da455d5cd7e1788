"""Where Envoys differ, each is asked again: what one alone does now and then is no difference."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from takeover.cli.main import main
from takeover.envoy.pypi import installed

ROOT = Path(__file__).parents[2]
# One of two names for the same binary does otherwise: the first time that it is asked, or always; at first in a worker.
OTHERWISE = """
import os
from takeover.probes.observing import Observer
observe = Observer.observe
def otherwise(self):
    found = observe(self)
    if self._scene.release.name == "other" and is_now():
        for each in found:
            if each.probe == {probe!r}:
                each.observation.status = 418
    return found
def is_now():
    if {always}:
        return True
    try:
        open({file!r}, "x").close()
    except FileExistsError:
        return False
    return True
Observer.observe = otherwise
"""

STOPS = """
def pytest_runtest_teardown(item):
    if "envoy-other" in item.name:
        item.session.shouldstop = "enough"
"""


def run(tmp_path: Path, probe: str, always: bool, *arguments: str) -> "subprocess.CompletedProcess[str]":
    plugin = OTHERWISE.format(probe=probe, always=always, file=str(tmp_path / "first"))
    (tmp_path / "otherwise.py").write_text(plugin)
    binary = installed()[1]
    options = ["-p", "no:cacheprovider", "-p", "otherwise", "-o", f"pythonpath={tmp_path}", "-m", "probes"]
    command = [sys.executable, "-m", "pytest", *options, f"--reports={tmp_path}/reports", *arguments]
    command += ["--envoy", f"one={binary},other={binary}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def lines(result: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line for line in result.stdout.splitlines() if "→ 418" in line]  # these digits are in times, too


def repeated(tmp_path: Path) -> dict[str, list[object]]:
    folder = tmp_path / "reports/latest/results"
    return {path.stem: json.loads(path.read_bytes()).get("repeated", []) for path in sorted(folder.glob("*.json"))}


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_one_envoy_did_once_is_unstable(
    tmp_path: Path, processes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["suites/gateway/test_weights.py", "-k", "gateway-weights and picked or facts"]
    result = run(tmp_path, "picked/pick-4", False, "-n", processes, *chosen)

    assert result.returncode == 0, result.stdout
    assert "probes made again, to see what one Envoy alone does otherwise: 1 on one, 1 on other" in result.stdout
    (line,) = lines(result)
    assert line.startswith("~ status  ")
    # Of the other one it was otherwise in each of the three, in the three after them, and after all that came before.
    share = "otherwise in 7 of 10 repeats on the same Envoy"
    assert line.endswith(f"gateway-weights picked/pick-4: status: 200 → 418  (in other) {share}")
    assert "no difference from one in other, 1 unstable" in result.stdout
    probe = {"scenario": "gateway-weights", "probe": "picked/pick-4"}
    assert repeated(tmp_path) == {
        "one": [{**probe, "times": 3, "unstable": []}],
        "other": [{**probe, "times": 7, "unstable": [{"kind": "status", "what": "status", "otherwise": 7}]}],
    }
    reports = f"--reports={tmp_path}/reports"
    for told in ("index.html", "summary.md"):
        assert share in (tmp_path / "reports/latest" / told).read_text()

    assert main(["compare", "one", "other", reports]) == 0
    assert share in capsys.readouterr().out
    name = line.split()[2]
    assert main(["compare", "one", "other", reports, "--show", name]) == 0
    assert f"unstable: {share}; so it is no difference between versions" in capsys.readouterr().out.splitlines()
    assert main(["explain", name, "one", "other", reports]) == 2
    told_of_it = capsys.readouterr().err.splitlines()
    assert told_of_it == [f"takeover explain: {name} is unstable ({share}): no guard could be proved to change it"]


@pytest.mark.parametrize(
    ("probe", "arguments", "times"),
    [
        ("picked/pick-4", ["suites/gateway/test_weights.py", "-k", "gateway-weights and picked"], {3}),
        # Alone it does otherwise than after those that use up the limit, which is not of chance.
        ("limit/aa-third", ["suites/gateway/test_http_ratelimit.py", "-k", "gateway-http-ratelimit and limit["], {7}),
    ],
)
def test_what_one_envoy_does_always_is_a_difference(
    tmp_path: Path, probe: str, arguments: Sequence[str], times: set[int]
) -> None:
    result = run(tmp_path, probe, True, "-n0", *arguments)

    assert result.returncode == 1, result.stdout
    (line,) = lines(result)
    assert line.startswith("! status  ")
    assert re.search(
        r"^1 difference from one in other; .*; 1 of a kind in --fail-on \(marked !\)$", result.stdout, re.MULTILINE
    )
    found = [each for of_one in repeated(tmp_path).values() for each in of_one]
    assert {each["times"] for each in found} == times  # type: ignore[index]
    assert not any(each["unstable"] for each in found)  # type: ignore[index]


def test_a_run_that_was_stopped_asks_nobody_again(tmp_path: Path) -> None:
    (tmp_path / "stops.py").write_text(STOPS)
    chosen = ["suites/gateway/test_weights.py", "-k", "gateway-weights and picked or facts"]
    result = run(tmp_path, "picked/pick-4", True, "-n0", "-p", "stops", *chosen)

    assert result.returncode == 2, result.stdout
    assert "differences from Envoy one" in result.stdout
    assert "made again" not in result.stdout
