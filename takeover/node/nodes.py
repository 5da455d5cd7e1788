"""The nodes of a run, as the test process sees them: made one by one, ended with it."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from takeover.base.errors import TakeoverError
from takeover.node import host, wire
from takeover.node.client import NodeClient
from takeover.node.root import Root

Client = TypeVar("Client", bound=NodeClient)

# How long a node may take to vanish at the end: the kernel only has to end its processes.
_END_DEADLINE = 60.0


class Nodes:
    """Makes nodes in which `inside` runs: the name of a module, see `takeover.node.launcher`.

    Args:
        become_root: the beginning of a command that is to run as who may make namespaces; None: with all the ids that
            this user may have.
        isolated: False where nobody may: a node is its processes alone then.
    """

    def __init__(self, inside: str, become_root: list[str] | None = None, isolated: bool = True) -> None:
        self._nodes: WeakSet[NodeClient] = WeakSet()
        self._control, theirs = wire.pair()
        before = host.in_user_namespace() if become_root is None else become_root
        command = [*before, sys.executable, "-m", "takeover.node.launcher"]
        imported = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
        with theirs:
            self._launcher = subprocess.Popen(
                [*command, str(theirs.fileno()), inside, "yes" if isolated else "no"],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # Ctrl-C in a terminal goes to the whole foreground group; the nodes' end is for us to decide.
                start_new_session=True,
                env={**os.environ, "PATH": host.path_of_root(), "PYTHONPATH": os.pathsep.join(filter(None, imported))},
            )

    def new(
        self,
        client: Callable[[socket.socket], Client],
        settings: dict[str, Any],
        root: Root | None,
        held: Sequence[int] = (),
    ) -> Client:
        """A new node, and what speaks with it.

        Args:
            root: None for an errand: with this machine's files and network.
            held: open files that the node keeps open until everything in it is gone.

        Raises: TakeoverError where none can be made any more.
        """
        ours, theirs = wire.pair()
        with theirs:
            try:
                wire.send(self._control, {"settings": settings, "root": root}, [theirs.fileno(), *held])
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
