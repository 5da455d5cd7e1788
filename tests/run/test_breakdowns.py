"""Runs in which an Envoy breaks down under a probe: a finding of each Envoy, alone, on both, on one of two."""

import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from takeover.envoy.pypi import installed
from tests.run.test_probes import FILE, GROUP

QUIT = GROUP + "  - {name: quit, method: POST, path: /quitquitquit, to: {pod: envoy-traffic-mock, port: 15000}}\n"
CRASH = "inbound-interception small/quit: Envoy envoy-traffic-mock/envoyproxy: "
# An Envoy that starts only to say which one it is.
DYING = """\
#!/bin/sh
case "$*" in *--version*) echo "$0  version: 0123abcd/1.41.0-dev/Clean/RELEASE/BoringSSL"; exit;; esac
echo this one dies >&2
exit 3
"""


PYTEST = ["-m", "pytest", "-p", "no:cacheprovider"]
TAKEOVER = ["-c", "from takeover.cli.main import main; raise SystemExit(main())"]


def run(project: Path, *arguments: str, program: Sequence[str] = PYTEST) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTEST_ADDOPTS": "", "COLUMNS": "200"}
    command = [sys.executable, *program, *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600, env=environment)


def compared(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run(project, "compare", *arguments, program=TAKEOVER)


def probes_of(project: Path, name: str) -> dict[str, Any]:
    document = json.loads((project / f"reports/latest/results/{name}.json").read_text())
    return {each["probe"]: each["seen"] for each in document["probes"]}


PROBES = ["suites/inbound", "-n0", "--probes", "-m", "probes", "-k", "small"]


@pytest.fixture
def quitting(project: Path) -> Path:
    (project / FILE).write_text(QUIT)
    return project


def test_with_one_envoy_the_group_fails_and_its_observations_are_kept(quitting: Path) -> None:
    result = run(quitting, *PROBES)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stdout
    told = f"{FILE}:13: Envoy envoy-traffic-mock/envoyproxy ends with exit code 0 under the probe small/quit of inbound"
    assert told in result.stdout
    assert "observed until then: HTTP/1.1 200 OK; connection: " in result.stdout
    assert re.search(r"it wrote:\n.*shutting down server instance", result.stdout)
    [name] = [each.stem for each in (quitting / "reports/latest/results").iterdir()]
    observed = probes_of(quitting, name)
    assert [observed[f"small/{each}"]["status"] for each in ("get", "http2-get", "quit")] == [200, 200, 200]
    assert "breakdown" not in observed["small/get"]
    assert observed["small/quit"]["breakdown"]["exit_code"] == 0


@pytest.mark.parametrize(
    ("accepted", "options", "code"),
    [
        ("", [], 1),
        ("kind: crash, probe: small/quit", [], 0),
        ("kind: status", [], 1),
        ("", ["--fail-on=status"], 0),
    ],
)
def test_what_both_envoys_do_is_a_finding_of_each(quitting: Path, accepted: str, options: list[str], code: int) -> None:
    if accepted:
        (quitting / "accepted.yaml").write_text(f'- {{{accepted}, reason: known, who: Ann, until: "99.0"}}\n')
    binary = installed()[1]
    result = run(quitting, *PROBES, "--envoy", f"one={binary},other={binary}", *options)

    assert result.returncode == code, result.stdout + result.stderr
    assert CRASH + "ends with exit code 0 → ends with exit code 0" in result.stdout
    assert "no difference from" not in result.stdout
    # The two groups, and the difference where it fails the run.
    assert ("2 passed" if code == 0 else "3 failed") in result.stdout
    told = compared(quitting, "one", "other", *options)
    assert told.returncode == code, told.stdout + told.stderr
    assert CRASH in told.stdout


def test_an_envoy_that_does_not_start_is_one_and_is_shown_in_full(quitting: Path) -> None:
    binary = installed()[1]
    dying = quitting / "dying"
    dying.write_text(DYING)
    dying.chmod(0o755)
    (quitting / FILE).write_text(GROUP)
    result = run(quitting, *PROBES, "--envoy", f"good={binary},bad={dying}")

    assert result.returncode == 1, result.stdout + result.stderr
    assert "container envoy-traffic-mock/envoyproxy exited with code 3; it said: this one dies" in result.stdout
    [told] = re.findall(r"^! crash +(\w+) +(.*?)  \(", result.stdout, re.MULTILINE)
    assert told[1] == CRASH.replace("quit", "get") + "goes on → does not start (exit code 3)"
    shown = compared(quitting, "good", "bad", "--show", told[0]).stdout
    assert "does not start (exit code 3)" in shown
    assert "this one dies" in shown


def test_the_command_that_shows_it_again_does_so(quitting: Path) -> None:
    binary = installed()[1]
    run(quitting, *PROBES, "--envoy", f"one={binary},other={binary}")
    listed = compared(quitting, "one", "other").stdout
    [name] = re.findall(r"^! crash +(\w+)", listed, re.MULTILINE)
    shown = compared(quitting, "one", "other", "--show", name).stdout.splitlines()
    begin = shown.index("to see it again:")
    again, _, enter, curl = (line.strip() for line in shown[begin + 1 : begin + 5])
    assert enter == "# then, in client/client, which that says how to enter:"

    words = shlex.split(again.replace("one=PATH", f"one={binary}"))
    assert words[0] == "pytest"  # there is no ./run
    with held(quitting, *words[1:]) as kept:
        addresses = "\n".join(f"{name}={value}" for name, value in re.findall(r"^  (\w+)=(\S+)$", kept, re.MULTILINE))
        entering = dict(re.findall(r"^  (\S+/\S+): (.*)$", kept, re.MULTILINE))
        client = next(command for place, command in entering.items() if place.startswith("client/client/"))
        words = shlex.split(entering["envoy-traffic-mock/envoyproxy"])
        envoy = os.pidfd_open(int(words[words.index("--target") + 1]))
        try:
            assert not select.select([envoy], [], [], 0)[0]
            inside = subprocess.run(shlex.split(client), input=f"{addresses}\n{curl}", capture_output=True, text=True)
            assert inside.stdout == "OK\n", inside.stderr
            assert select.select([envoy], [], [], 60)[0], "Envoy goes on"
        finally:
            os.close(envoy)


@contextmanager
def held(project: Path, *arguments: str) -> Iterator[str]:
    """What a run prints until it holds its scenarios; then Ctrl-C."""
    with subprocess.Popen(
        [sys.executable, *PYTEST, "suites", *arguments],
        cwd=project,
        env=os.environ | {"PYTEST_ADDOPTS": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdout is not None
        kept = []
        for line in process.stdout:
            kept.append(line)
            if line.startswith("  hostile/upstream/"):
                break
        try:
            yield "".join(kept)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=300)
