"""How a command ended."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExecResult:
    """How a command in a container ended. `exit_code` is 128 + the signal's number for a killed one."""

    exit_code: int
    stdout: bytes
    stderr: bytes
