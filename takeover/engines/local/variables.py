"""`$(NAME)` in a container's command, args and environment, as a kubelet expands it.

See the Kubernetes page "Define Dependent Environment Variables", and its `third_party/forked/golang/expansion`.
"""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from takeover.engines.local.objects import Container, EnvironmentVariable, Exec

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
LONGEST = (1 << 17) - 1
"""Bytes of one argument or variable: as much as the kernel takes, see MAX_ARG_STRLEN in execve(2)."""


def environment(
    written: Iterable[EnvironmentVariable],
    known: Mapping[str, str],
    value_from: Callable[[EnvironmentVariable], str | None],
) -> dict[str, str]:
    """The variables of a container. As in a kubelet (makeEnvironmentVariables) only what is written has references.

    Args:
        known: those of envFrom, which come first.
        value_from: the value of one that comes from elsewhere, taken as it is; None leaves it out.

    Raises: ValueError for one that becomes longer than the kernel takes.
    """
    found = dict(known)
    for each in written:
        value = _expand(each.value, found) if each.value_from is None else value_from(each)
        if value is not None:
            found[each.name] = value
    for value in found.values():
        _check_length(value)
    return found


def expanded(container: Container, values: Mapping[str, str]) -> Container:
    """The container as it runs, with those variables. Raises: ValueError for a text that becomes too long."""
    probe = container.readiness_probe
    if probe is not None and probe.exec is not None:  # a kubelet takes for it what is written, and no more
        written = {each.name: each.value for each in container.env}
        command = [_expand(each, written) for each in probe.exec.command]
        probe = msgspec.structs.replace(probe, exec=Exec(command))
    return msgspec.structs.replace(
        container,
        env=[EnvironmentVariable(name=name, value=value) for name, value in values.items()],
        env_from=[],
        command=[_expand(each, values) for each in container.command],
        args=[_expand(each, values) for each in container.args],
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
    made = "".join(parts)
    _check_length(made)
    return made


def _check_length(text: str) -> None:
    if len(text.encode()) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} bytes, which no program can be given")
