"""Programs that fetch or build something: with the machine's network and files, in a node that ends with this process.

However this process ends, by `kill -9` too, such a program and all that came from it are ended, and what it mounted is
gone: it works in namespaces whose first process waits at a pipe.

    with errand_node(held=[lock.fileno()]) as node:
        node.run(["pip", "download", "…"], timeout=600)
"""

import contextlib
from collections.abc import Iterator, Sequence

from takeover.node import host
from takeover.node.bare_node import BareNode
from takeover.node.nodes import Nodes


@contextlib.contextmanager
def errand_node(held: Sequence[int] = (), *, with_all_ids: bool = False) -> Iterator[BareNode]:
    """A node with the machine's network, files and environment, for as long as the context lasts. It takes 0.1 s.

    Args:
        held: open files, as of locks, that are only closed when everything in the node is gone.
        with_all_ids: as root with all the ids that this user may have, as who unpacks files of several users needs
            them. Where no namespaces can be made there is no such node: `host.check` says so.
    """
    exposed = "" if with_all_ids else host.refusal()
    own = host.in_user_namespace() if with_all_ids else host.in_own_user_namespace()
    nodes = Nodes("takeover.node.bare", [] if exposed else own, not exposed)
    try:
        yield nodes.new(lambda end: BareNode(end, exposed), {"isolated": not exposed, "errand": True}, None, held)
    finally:
        nodes.close()
