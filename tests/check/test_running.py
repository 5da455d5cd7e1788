"""How a check runs pytest: nothing that is installed beside it by chance has a say."""

import subprocess
import sys
from pathlib import Path

from takeover.envoy.pypi import installed
from tests.check.whole import FEW, environment, listener, written

HOME = {"match": {"path": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "home\n"}}}
TELLS = "import sys; from takeover.cli.start import main; code = main(); print(*sys.modules); sys.exit(code)"


def test_no_plugin_is_loaded_that_takes_long_and_that_no_check_has_a_use_for(tmp_path: Path) -> None:
    file = written(tmp_path, listener("web", 8000, HOME), clusters=())
    command = [sys.executable, "-c", TELLS, "check", file.name, *FEW, "--envoy", f"new={installed()[1]}"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=900
    )
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert loaded >= {"xdist", "takeover.run.wiring"}, ended.stdout + ended.stderr
    assert not loaded & {"pytest_kind", "hypothesis", "anyio.pytest_plugin"}
    assert ended.returncode == 0, ended.stdout + ended.stderr
