"""action.yml and GitLab's job: their scripts, with the environment that a job gives them."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.envoy.pypi import installed

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
GUIDE = (ROOT / "docs/ci.md").read_text()
# In the place of the command: writes down what it is called with, says what the configuration says, leaves a report.
TAKEOVER = """#!/bin/sh
printf '%s\\n' "$@" >"$CALLS"
echo "actions: $GITHUB_ACTIONS"
printf 'it says\\n::error::obey\\n'
[ -z "$REPORT" ] || {
    mkdir -p reports/2026-01-01T000000Z && ln -sfn 2026-01-01T000000Z reports/latest
    echo "## what differs" >reports/latest/summary.md
    cp "$REPORT" reports/latest/junit.xml
}
exit "$CODE"
"""
JUNIT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="envoy-takeover">
  <testsuite name="envoy-1.36.4">
    <testcase classname="given" name="fine" />
    <testcase classname="given" name="one, two: 100%[envoy-1.36.4]">
      <failure message="short">it broke
at envoy/envoy.yaml:12: no such field&#10;::error::obey me</failure></testcase>
    <testcase classname="given" name="lost"><error message="the Pod is gone" /></testcase>
    <testcase classname="given" name="left out"><skipped message="no" /></testcase>
  </testsuite>
</testsuites>
"""


class Job:
    """A workspace, and a copy of this repository whose command is another."""

    def __init__(self, folder: Path, code: int = 1, junit: str = JUNIT) -> None:
        self.workspace, self.here = folder / "workspace", folder / "here"
        self.calls, self.output, self.summary = folder / "calls", folder / "output", folder / "summary.md"
        (self.workspace / "envoy").mkdir(parents=True)
        shutil.copytree(ROOT / ".ci/check", self.here / ".ci/check")
        (self.here / ".venv/bin").mkdir(parents=True)
        (self.here / ".venv/bin/python").symlink_to(sys.executable)
        (self.here / ".venv/bin/takeover").write_text(TAKEOVER)
        (self.here / ".venv/bin/takeover").chmod(0o755)
        report = folder / "junit.xml"
        report.write_text(junit)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME") if name in os.environ}
        self.environment = {**inherited, "CALLS": str(self.calls), "CODE": str(code), "REPORT": str(report)}

    def run(self, *script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """As GitHub's `shell: bash` and GitLab's script do it, each line after the other, up to one that fails."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", "\n".join(script)],
            cwd=self.workspace,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def on_github(self, **inputs: str) -> "subprocess.CompletedProcess[str]":
        """The step of action.yml."""
        [step] = [each for each in ACTION["runs"]["steps"] if each.get("id") == "check"]
        given = {name: each.get("default", "") for name, each in ACTION["inputs"].items()} | inputs
        environment = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: given[match[1]], value)
            for name, value in step["env"].items()
            if "github.token" not in value
        }
        surroundings = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.here),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_WORKSPACE": str(self.workspace),
        }
        return self.run(step["run"], **environment, **surroundings)


def test_a_step_gives_the_inputs_and_leaves_summary_annotations_and_a_report(tmp_path: Path) -> None:
    job = Job(tmp_path)
    ended = job.on_github(
        configuration="envoy/envoy.yaml",
        versions="1.36.4,1.40.0",
        files="/etc/envoy=./my files\n\n/etc/ssl=ssl\n",
        requests="mine.yaml\n-curl.txt",
        **{"fail-on": "status,body"},
    )

    assert ended.returncode == 1, ended.stderr
    assert job.calls.read_text().splitlines() == [
        *("check", "--envoy=1.36.4,1.40.0", "--reports=reports", "--fail-on=status,body"),
        *("--files=/etc/envoy=./my files", "--files=/etc/ssl=ssl", "--requests=mine.yaml", "--requests=-curl.txt"),
        *("--", "envoy/envoy.yaml"),
    ]
    assert job.summary.read_text() == "## what differs\n"
    assert job.output.read_text() == "report=reports/2026-01-01T000000Z\n"
    lines = ended.stdout.splitlines()
    end = lines[0].removeprefix("::stop-commands::")
    assert re.fullmatch(r"[0-9a-f]{32}", end)
    assert lines[1:4] == ["actions: ", "it says", "::error::obey"]
    after = lines[lines.index(f"::{end}::") + 1 :]
    assert after == [
        "::error file=envoy/envoy.yaml,line=12,title=one%2C two%3A 100%25[envoy-1.36.4]::it broke%0A"
        "at envoy/envoy.yaml:12: no such field%0A::error::obey me",
        "::error file=envoy/envoy.yaml,title=lost::the Pod is gone",
    ]


HELLO = """
static_resources:
  listeners:
  - name: hello
    address: {socket_address: {address: 0.0.0.0, port_value: 8000}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: hello
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {path: /a}, direct_response: {status: 200}}]}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
"""


def test_the_real_command_checks_a_configuration(tmp_path: Path) -> None:
    job = Job(tmp_path)
    code = "import sys; from takeover.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = f"#!/bin/sh\nexec '{sys.executable}' -P -c '{code}' \"$@\"\n"
    (job.here / ".venv/bin/takeover").write_text(command)
    job.environment["PYTHONPATH"] = str(ROOT)
    (job.workspace / "envoy.yaml").write_text(HELLO)
    (job.workspace / "wrong.yaml").write_text(HELLO.replace("stat_prefix", "stat_prefx"))

    ended = job.on_github(configuration="wrong.yaml", versions=installed()[0])
    assert (ended.returncode, job.output.exists()) == (2, False)
    assert "no such field" in ended.stderr
    ended = job.on_github(configuration="envoy.yaml", versions=installed()[0])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "envoy.yaml on Envoy" in job.summary.read_text()
    report = job.workspace / job.output.read_text().strip().removeprefix("report=")
    assert {"index.html", "junit.xml", "results", "summary.md"} <= {each.name for each in report.iterdir()}


def test_what_passes_passes(tmp_path: Path) -> None:
    job = Job(tmp_path, code=0, junit="<testsuites/>")
    ended = job.on_github(configuration="envoy.yaml", versions="1.40.0")
    assert (ended.returncode, "::error" in ended.stdout.partition("obey")[2]) == (0, False)
    assert job.calls.read_text().splitlines() == ["check", "--envoy=1.40.0", "--reports=reports", "--", "envoy.yaml"]


def test_bad_input_is_told_and_an_older_report_is_not_taken_for_its_own(tmp_path: Path) -> None:
    job = Job(tmp_path)
    assert job.on_github(configuration="envoy.yaml", versions="1.40.0").returncode == 1
    job.output.unlink()
    job.environment |= {"REPORT": "", "CODE": "2"}
    ended = job.on_github(configuration="envoy.yaml", versions="1.40.0")

    assert ended.returncode == 2
    assert "::error title=takeover check::it ended with 2 and left no report" in ended.stdout
    assert not job.output.exists()
    assert job.summary.read_text() == "## what differs\n"  # of the first one alone


def test_more_failures_than_github_keeps_are_counted(tmp_path: Path) -> None:
    case = '<testcase name="one"><failure>it broke</failure></testcase>'
    job = Job(tmp_path, junit=f"<testsuites>{case * 53}</testsuites>")
    ended = job.on_github(configuration="envoy.yaml", versions="1.40.0")
    assert ended.stdout.count("::error file=envoy.yaml") == 50
    assert "::notice::3 more: see the job's summary" in ended.stdout


def test_the_job_of_gitlab_runs_the_same(tmp_path: Path) -> None:
    [text] = re.findall(r"(?m)^    envoy upgrade:\n(?:    .*\n)+", GUIDE)
    snippet = yaml.safe_load(textwrap.dedent(text))["envoy upgrade"]
    job = Job(tmp_path)
    script = [each.replace("/opt/envoy-takeover", str(job.here)) for each in snippet["script"]]
    ended = job.run(*script, **snippet["variables"])

    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.splitlines() == ["actions: ", "it says", "::error::obey"]
    assert job.calls.read_text().splitlines() == [
        *("check", "--envoy=1.36.4,1.40.0", "--reports=reports", "--", "envoy/envoy.yaml"),
    ]
    [pattern] = [snippet["artifacts"]["reports"]["junit"]]
    assert list(job.workspace.glob(pattern))
    assert all((ROOT / each.removeprefix("/opt/envoy-takeover/")).is_file() for each in snippet["before_script"][2:])


@pytest.mark.parametrize("missing", ["CONFIGURATION", "VERSIONS"])
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    job = Job(tmp_path)
    given = {name: "x" for name in ("CONFIGURATION", "VERSIONS") if name != missing}
    ended = job.run(str(job.here / ".ci/check/check"), **given)
    assert ended.returncode != 0
    assert missing in ended.stderr
    assert not job.calls.exists()


def test_the_action_uses_what_the_guide_says_and_other_actions_by_their_commit() -> None:
    table = GUIDE.partition("## Your own configuration")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z-]+)`", table)) >= set(ACTION["inputs"])
    for step in ACTION["runs"]["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
        else:
            assert "${{" not in step["run"]  # an input is no part of a script


def test_set_up_makes_the_environment(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".ci/check", tmp_path / ".ci/check")
    (tmp_path / ".setup").mkdir()
    (tmp_path / ".setup/environment.sh").write_text('set_up() { echo "set up [$1] of $#"; }\n')
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sudo").symlink_to("/bin/true")  # this machine stays as it is
    ended = subprocess.run(
        ["bash", "-c", '"$GITHUB_ACTION_PATH/.ci/check/set-up"'],
        env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "GITHUB_ACTION_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (0, "set up [] of 1\n"), ended.stderr
