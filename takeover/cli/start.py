"""The console command `takeover` from its first moment on: Ctrl-C ends it with 2 and one line, never a traceback.

Imported by the command alone: it takes the signal over before it imports anything else.
"""

import os

try:
    from takeover.base import ctrl_c

    ctrl_c.ends_at_once()
except KeyboardInterrupt:  # it is what would know what to do
    os.write(2, b"\ninterrupted\n")
    os._exit(2)


def main() -> int:
    """Runs the command that this process was started with. Returns its exit code."""
    from takeover.cli.main import main as run

    try:
        ctrl_c.raises_again()
        code = run()
        ctrl_c.is_over()
    except KeyboardInterrupt:
        ctrl_c.is_over()
        ctrl_c.told()
        return ctrl_c.INTERRUPTED
    return code
