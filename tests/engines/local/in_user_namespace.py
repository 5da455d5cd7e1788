"""`python in_user_namespace.py COMMAND…`: root of a user namespace, who has all ids and is nobody outside.

For root, who has no subordinate ids of which `unshare --map-auto` could make one.
"""

import os
import sys
from pathlib import Path

from takeover.node import kernel

NEW_USERS = 0x10000000


def main() -> None:
    unshared, ours = os.pipe()
    mapped, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        kernel.unshare(NEW_USERS)
        os.write(ours, b".")
        os.read(mapped, 1)
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
    os.read(unshared, 1)
    for each in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{each}").write_text("0 0 65536")
    os.write(theirs, b".")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
