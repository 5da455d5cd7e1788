"""The clocks of processes: whose CPU is told, and whose not."""

import os
import subprocess
import sys

from benchmarks.processes import descendants, used

# A little more than what is asserted: /proc counts user's and system's time apart, each rounded down to a hundredth.
_BURNS = "import time\nwhile time.process_time() < 0.25: pass\n"
_WAITS = "print(flush=True); input()"


def test_what_a_process_used_is_told_apart_from_what_those_used_that_it_waited_for() -> None:
    burning = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_BURNS!r}]); {_WAITS}"
    with subprocess.Popen(
        [sys.executable, "-c", burning], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = used(process.pid)
        assert (process.pid, os.getpid()) in descendants(os.getpid())
        process.communicate("\n")

    assert found.command[1:] == ("-c", burning)
    assert 0 < found.own < 0.2 <= found.ended


def test_threads_count_for_their_process_also_when_they_have_ended() -> None:
    burning = f"import threading; thread = threading.Thread(target=exec, args=({_BURNS!r},)); thread.start()"
    with subprocess.Popen(
        [sys.executable, "-c", f"{burning}; thread.join(); {_WAITS}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert used(process.pid).own >= 0.2
        process.communicate("\n")
