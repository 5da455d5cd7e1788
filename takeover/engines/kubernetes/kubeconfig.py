"""Finding and reading the kubeconfig, with errors that name what is wrong."""

import os
from dataclasses import dataclass
from pathlib import Path

import yaml

from takeover.base.errors import BadInputError
from takeover.model.json import JsonObject


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
    files = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    present = [Path(name).expanduser() for name in files.split(os.pathsep) if name and Path(name).expanduser().exists()]
    if not present:
        raise BadInputError(f"no kubeconfig at {files}: set KUBECONFIG or give --kubeconfig FILE")
    contexts: list[str] = []
    current = None
    for path in present:
        config = _read(path)
        current = current or config.get("current-context")
        contexts += [entry["name"] for entry in config.get("contexts") or [] if isinstance(entry, dict)]
    wanted = context or current
    if not wanted:
        raise BadInputError(f"{files} has no current context: give --kube-context, one of {', '.join(contexts)}")
    if wanted not in contexts:
        raise BadInputError(f"no context {wanted!r} in {files}; there are {', '.join(contexts) or 'none'}")
    return Target(files, wanted, kubeconfig is not None)


def _read(path: Path) -> JsonObject:
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInputError(f"cannot read the kubeconfig {path}: {' '.join(str(error).split())}") from error
    if not isinstance(config, dict):
        raise BadInputError(f"{path} is no kubeconfig")
    return config
