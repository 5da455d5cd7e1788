"""How an Envoy in a bare node is given a config that stands in no file of this machine."""

import uuid
from collections.abc import Sequence

from takeover.base.errors import TakeoverError
from takeover.node.bare_node import BareNode

LONGEST_ARGUMENT = 131_071
"""Bytes that the kernel takes as one argument (MAX_ARG_STRLEN, execve(2))."""


def with_config(node: BareNode, command: Sequence[str], config: str) -> tuple[list[str], bytes]:
    """A command that starts Envoy with the config, YAML or JSON, and what it reads from stdin.

    One that no argument can hold is written to a file in the node's own memory, and is gone with the node.

    Raises: TakeoverError for such a one where there is no node of its own.
    """
    written = config.encode()
    if len(written) <= LONGEST_ARGUMENT:
        return [*command, "--config-yaml", config], b""
    if node.exposed:
        raise TakeoverError(f"a config of {len(written)} bytes is too long to be given without a node: {node.exposed}")
    file = f"/tmp/{uuid.uuid4()}.yaml"  # noqa: S108 - the node's own
    return ["/bin/sh", "-c", 'cat >"$0" && exec "$@"', file, *command, "-c", file], written
