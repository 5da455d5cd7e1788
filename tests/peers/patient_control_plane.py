"""The control plane, or a mini mesh, that waits longer: a test's own pause must not look like a client's.

`python FILE PATIENCE RESOURCES [options]`
"""

import sys
from types import ModuleType

from takeover.peers.control_plane import main, plane
from takeover.peers.mini_mesh import mesh, running

WAITING: list[tuple[ModuleType, str]] = [
    (plane, "_ACK_PATIENCE"),
    (plane, "_SUBSCRIPTION_PATIENCE"),
    (mesh, "PATIENCE"),
    (running, "PATIENCE"),
]

if __name__ == "__main__":
    for module, name in WAITING:
        assert hasattr(module, name)
        setattr(module, name, float(sys.argv[1]))
    sys.exit(main.main(sys.argv[2:]))
