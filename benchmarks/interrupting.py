"""Ctrl-C for programs of ours: where they begin, and how they must end."""

import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

from tenacity import retry, retry_if_result, stop_after_delay, wait_none

from benchmarks.leftovers import ROOT

INTERRUPTED = 2
# Python, and pytest before it has loaded the plugin, begin before anything of ours does: they know no better. Where
# another one comes while they write their traceback, they tell of an object instead.
_NOT_OURS = re.compile(r"^(object type name: )?KeyboardInterrupt\b", re.MULTILINE)
_PYTHON = f"""#!/bin/sh
exec {sys.executable} "$@"
"""


def set_up_clone(folder: Path, *linked: str) -> Path:
    """Makes of a folder a clone of this project that is set up, with the environment of this process.

    Args:
        linked: what it has besides scripts and package, as the suites. What a test links there itself, it may change.
    """
    for each in ("test", "pyproject.toml", "locks", "takeover", "manifests", *linked):
        (folder / each).symlink_to(ROOT / each)
    (folder / ".setup").mkdir()
    for each in ("run", ".setup/environment.sh"):
        (folder / each).write_bytes((ROOT / each).read_bytes())
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").write_text(_PYTHON)
    for each in ("run", ".venv/bin/python"):
        (folder / each).chmod(0o755)
    look = 'source .setup/environment.sh; { foundation; requirements; } >"$venv/set-up"; touch "$venv/lab-$EUID"'
    subprocess.run(["bash", "-c", look], cwd=folder, check=True)
    return folder


def console_script(name: str) -> str:
    """What an installation writes for a command of pyproject.toml."""
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"][name]
    module, _, function = entry.partition(":")
    return f"import sys; from {module} import {function}; sys.exit({function}())"


@retry(retry=retry_if_result(lambda blocks: not blocks), stop=stop_after_delay(10), wait=wait_none())
def until_it_blocks(process: int) -> bool:
    """Waits until a process blocks SIGINT, as our scripts do: before, it is none of ours yet."""
    status = Path(f"/proc/{process}/status").read_text()
    return bool(int(re.findall(r"^SigBlk:\s*(\w+)", status, re.MULTILINE)[0], 16) & 1 << signal.SIGINT - 1)


def what_is_wrong(code: int, output: str, *, ours: bool = False) -> str:
    """What is wrong with the end of a program that was interrupted; empty where nothing is.

    Args:
        ours: all that it did is ours. Else Python began it.
    """
    if not ours and (_NOT_OURS.search(output) or (code == -signal.SIGINT and not output)):
        is_in = any(each in output for each in (f'File "{ROOT}/takeover/', "wrap_session"))
        return f"a traceback of ours: {output}" if is_in else ""
    if "Traceback" in output:
        return f"a traceback: {output}"
    return "" if code == INTERRUPTED else f"exit code {code}: {output}"
