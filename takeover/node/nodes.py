"""The nodes of a run, as the test process sees them: made one by one, ended with it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from takeover.base.errors import TakeoverError
from takeover.node import host, wire
from takeover.node.client import NodeClient

Client = TypeVar("Client", bound=NodeClient)

# How long a node may take to vanish at the end: the kernel only has to end its processes.
_END_DEADLINE = 10.0


class Nodes:
    """Makes nodes in which `inside` runs: the name of a module, see `takeover.node.launcher`."""

    def __init__(self, inside: str) -> None:
        self._nodes: WeakSet[NodeClient] = WeakSet()
        self._control, theirs = wire.pair()
        command = [*host.in_user_namespace(), sys.executable, "-m", "takeover.node.launcher"]
        with theirs:
            self._launcher = subprocess.Popen(
                [*command, str(theirs.fileno()), inside],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # Ctrl-C in a terminal goes to the whole foreground group; the nodes' end is for us to decide.
                start_new_session=True,
                env={**os.environ, "PATH": host.path_of_root(), "PYTHONPATH": str(Path(__file__).parents[2])},
            )

    def new(self, client: type[Client], settings: dict[str, Any]) -> Client:
        """A new node, and what speaks with it. Raises: TakeoverError where none can be made any more."""
        ours, theirs = wire.pair()
        with theirs:
            try:
                wire.send(self._control, {"settings": settings}, [theirs.fileno()])
            except (BrokenPipeError, ConnectionResetError):
                code = self._launcher.wait()
                raise TakeoverError(f"the nodes' launcher ended with exit code {code}; see its message above") from None
        node = client(ours)
        self._nodes.add(node)
        return node

    def close(self) -> None:
        """Ends all nodes, also one that Ctrl-C kept its owner from ending, and the launcher, which ends after them."""
        for node in list(self._nodes):
            node.close()
        self._control.close()
        try:
            self._launcher.wait(_END_DEADLINE)
        except subprocess.TimeoutExpired:
            raise TakeoverError(f"a node of this run is still there after {_END_DEADLINE:g} s") from None
