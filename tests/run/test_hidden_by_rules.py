"""A run of several Envoys tells what its rules of normalisation hide, in its lines, on its page, in its documents."""

import subprocess
import sys
from pathlib import Path

from takeover.envoy.pypi import installed
from takeover.store import documents as store

ROOT = Path(__file__).parents[2]
# A line of Envoy's log that comes from another place in another version's source, and one that is of chance.
ELSEWHERE = """
import itertools
from takeover.probes.observing import Observer
result, number = Observer._result, itertools.count()
def elsewhere(self, observed, normaliser):
    if observed.probe.name == "dots":
        place = "a.cc:1" if self._scene.release.name == "one" else "b.cc:2"
        chance = f"a.cc:{next(number)}"
        observed.warnings = [f"[{place}] it fails", f"[{chance}] it waits"]
    return result(self, observed, normaliser)
Observer._result = elsewhere
"""


def test_what_a_rule_hides_is_told_once_a_probe_made_again_proves_it(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE)
    binary = installed()[1]
    options = ["-p", "no:cacheprovider", "-o", f"pythonpath={tmp_path}", f"--reports={tmp_path}/reports", "-n0"]
    command = [sys.executable, "-m", "pytest", *options, "--envoy", f"one={binary},other={binary}", "-p", "elsewhere"]
    command += ["--probes", "-m", "atlas and probes", "-k", "path-normalisation"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)

    assert ended.returncode == 0, ended.stdout
    assert "probes made again, to see what one Envoy alone does otherwise: 1 on one, 1 on other" in ended.stdout
    lines = ended.stdout.splitlines()
    told = "  source-line in other: 1 text, such as '[a.cc:1] it fails' → '[b.cc:2] it fails' (' it fails')"
    assert lines.count(told) == 1
    assert sum("source-line in other" in each for each in lines) == 1
    assert any(each.startswith("no difference from one in other; ") for each in lines)
    page = (tmp_path / "reports/latest/index.html").read_text()
    assert '[a.cc:1] it fails</span> → <span class="now">[b.cc:2] it fails' in page
    removed = store.read(tmp_path / "reports/latest/results/other.json").removed or []
    assert {(each.text, each.times, each.was) for each in removed if each.text.endswith("it fails")} == {
        (" it fails", 2, "[b.cc:2] it fails")
    }
