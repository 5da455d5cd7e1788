"""`$(NAME)` in a container's command, args and environment, as a kubelet expands it.

See the Kubernetes page "Define Dependent Environment Variables", and its `third_party/forked/golang/expansion`.
"""

import re
from collections.abc import Mapping

import msgspec

from takeover.engines.local.objects import Container, Exec

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
LONGEST = (1 << 17) - 1
"""Bytes of one argument or variable: as much as the kernel takes, see MAX_ARG_STRLEN in execve(2)."""


def expanded(container: Container) -> Container:
    """The container as it runs. Raises: ValueError for a text that becomes longer than the kernel takes."""
    environment: dict[str, str] = {}
    for each in container.env:
        environment[each.name] = _expand(each.value, environment)
    written = {each.name: each.value for each in container.env}
    probe = container.readiness_probe
    if probe is not None and probe.exec is not None:  # a kubelet takes the values for it as they are written
        command = [_expand(each, written) for each in probe.exec.command]
        probe = msgspec.structs.replace(probe, exec=Exec(command))
    return msgspec.structs.replace(
        container,
        env=[msgspec.structs.replace(each, value=environment[each.name]) for each in container.env],
        command=[_expand(each, environment) for each in container.command],
        args=[_expand(each, environment) for each in container.args],
        readiness_probe=probe,
    )


def _expand(text: str, values: Mapping[str, str]) -> str:
    """The text with the values in the place of references; one to no value stays, and `$$` stands for `$`."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return "$" if name is None else values.get(name, found[0])

    length, last, parts = 0, 0, list[str]()
    for found in _REFERENCE.finditer(text):
        parts += [text[last : found.start()], value(found)]
        last, length = found.end(), length + len(parts[-1]) + len(parts[-2])
        if length > LONGEST:
            break
    parts.append(text[last:])
    if sum(len(each.encode()) for each in parts) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} bytes, which no program can be given")
    return "".join(parts)
