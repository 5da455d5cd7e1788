"""The folder of a check goes with its process, however that ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from takeover.check.temporary import temporary_folder
from takeover.evidence.quiescence import waited_for

HOLDS_ONE = """
import time
from takeover.check.temporary import temporary_folder
with temporary_folder("takeover-test-") as folder:
    (folder / "deep").mkdir()
    (folder / "deep/file").write_text("secret")
    print(folder, flush=True)
    while True:
        time.sleep(0.1)  # signal.pause() would never hear of one that comes just before it
"""


def test_it_is_this_users_alone_and_goes_at_the_end() -> None:
    with temporary_folder("takeover-test-") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_it_goes_when_its_process_is_killed(by: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_ONE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert (folder / "deep/file").is_file()
        process.send_signal(by)
        process.wait(300)
    assert waited_for(lambda: "it is still there" * folder.exists(), 300) == ""
