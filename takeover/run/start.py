"""`python -m takeover.run.start [pytest arguments]` is `python -m pytest`, which Ctrl-C ends with 2 at any moment."""

import os
import runpy

try:
    from takeover.base import ctrl_c
except KeyboardInterrupt:  # it is what would know what to do
    os.write(2, b"\ninterrupted\n")
    os._exit(2)

if __name__ == "__main__":
    ctrl_c.ends_at_once()
    try:
        runpy.run_module("pytest", run_name="__main__", alter_sys=True)
    finally:
        ctrl_c.is_over()
