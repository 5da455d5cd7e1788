"""Finding and reading the kubeconfig, with errors that name what is wrong."""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from takeover.base.errors import BadInputError


@dataclass(frozen=True)
class Target:
    """Which cluster is meant.

    Args:
        files: the kubeconfig files, as KUBECONFIG would list them.
        context: the context's name.
        given: whether the files were named explicitly, so that a kubectl command must name them too.
    """

    files: str
    context: str
    given: bool

    def kubectl(self) -> list[str]:
        """How a kubectl command for this cluster begins."""
        return ["kubectl", *(["--kubeconfig", self.files] if self.given else []), "--context", self.context]


def find(kubeconfig: str | None, context: str | None) -> Target:
    """Looks up the kubeconfig (argument, else KUBECONFIG, else ~/.kube/config) and the context in it.

    Raises: BadInputError for no kubeconfig, a broken one, or a context that is not in it.
    """
    try:
        files = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        named = [Path(name).expanduser() for name in files.split(os.pathsep) if name]
        present = [path for path in named if path.exists()]
    except (OSError, RuntimeError) as error:  # a folder that may not be entered, the home of nobody
        why = str(error).rstrip(".")
        raise BadInputError(f"cannot look for a kubeconfig ({why}): give --kubeconfig FILE") from None
    if not present:
        raise BadInputError(f"no kubeconfig at {files}: set KUBECONFIG or give --kubeconfig FILE")
    contexts: list[str] = []
    current = None
    for path in present:
        config = _read(path)
        current = current or config.current_context
        contexts += [each.name for each in config.contexts or []]
    wanted = context or current
    there = ", ".join(contexts)
    if not contexts:
        raise BadInputError(f"{files} has no contexts: give --kubeconfig FILE with one")
    if not wanted:
        raise BadInputError(f"{files} has no current context: give --kube-context, one of {there}")
    if wanted not in contexts:
        raise BadInputError(f"no context {wanted!r} in {files}; there are {there}")
    return Target(files, wanted, kubeconfig is not None)


class _Named(msgspec.Struct):
    name: str


class _Config(msgspec.Struct, rename="kebab"):
    """As much of a kubeconfig as the client takes for granted."""

    current_context: str | None = None
    contexts: list[_Named] | None = None
    clusters: list[_Named] | None = None
    users: list[_Named] | None = None


def _read(path: Path) -> _Config:
    try:
        config = yaml.safe_load(path.read_text())
    except RecursionError:
        raise BadInputError(f"{path} is no kubeconfig: nested too deeply") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInputError(f"cannot read the kubeconfig {path}: {' '.join(str(error).split())}") from error
    if not isinstance(config, dict):
        raise BadInputError(f"{path} is no kubeconfig")
    try:
        return msgspec.convert(config, _Config)
    except msgspec.ValidationError as error:
        raise BadInputError(f"{path} is no kubeconfig: {error}") from None
