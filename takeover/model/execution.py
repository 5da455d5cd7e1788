"""How a command, or a container, ended."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExecResult:
    """How a command in a container ended. `exit_code` is 128 + the signal's number for a killed one."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class ContainerEnd:
    """How a container's first process ended.

    Args:
        exit_code: 128 + the signal's number for a killed one.
        number: how often it has ended since its Pod was made.
        log: what the container had written by then, since it was started last before that.
    """

    exit_code: int
    number: int
    log: str
