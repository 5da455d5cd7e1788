"""A folder that goes with the process that made it, also by `kill -9`."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

_WATCHER = "import shutil, sys; sys.stdin.buffer.read() or shutil.rmtree(sys.argv[1], ignore_errors=True)"
"""Its standard input ends when this process does, however it ends: nobody else has the other end. A word keeps all."""


@contextlib.contextmanager
def temporary_folder(prefix: str, keep: bool = False) -> Iterator[Path]:
    """A folder for this user alone. Another process watches over it from before it is there until it is gone.

    Args:
        keep: whether it stays where what is done within it ends by itself.

    Raises: OSError where none can be made.
    """
    folder = Path(tempfile.gettempdir()).resolve() / f"{prefix}{uuid.uuid4().hex}"
    command = [sys.executable, "-I", "-S", "-c", _WATCHER, str(folder)]
    quiet = subprocess.DEVNULL
    # In a session of its own: Ctrl-C is not for it.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True
    ) as watcher:
        folder.mkdir(mode=0o700)
        is_kept = False
        try:
            yield folder
            is_kept = keep
        finally:
            if is_kept and watcher.stdin is not None:
                watcher.stdin.write(b"keep")
            else:
                shutil.rmtree(folder, ignore_errors=True)
