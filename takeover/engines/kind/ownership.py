"""Which kind clusters a run made: told by a token in their containers, never by a name, which anybody can give again.

Every container of a cluster that a run makes has, from its creation on, a mount whose place holds the run's token. The
token stands in the user's cache before kind is asked for anything, so a run may be killed at any moment.
"""

import fcntl
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import yaml

from takeover.base import cache
from takeover.base.cache import cache_folder
from takeover.base.errors import BadInputError, TakeoverError

_PLACE = "/envoy-takeover/"
_LABEL = "io.x-k8s.kind.cluster"
# kind itself mounts it into every node, so wherever kind works it may be mounted.
_MOUNTED = "/lib/modules"


class Record:
    """What the user's cache says of a cluster name: the token of the run that made a cluster of that name last.

    One process at a time has it: its lock ends with the process in any case.

    Raises: BadInputError for what is no name, and while another run has it.
    """

    def __init__(self, name: str) -> None:
        if not name or Path(name).name != name:
            raise BadInputError(f"--cluster-name {name!r} is no name for a kind cluster")
        folder = _folder()
        with cache.writing("the record of a kind cluster"):
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = (folder / name).open("a+b", buffering=0)
        self.name = name
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise BadInputError(f"kind cluster {name} belongs to another run: give --cluster-name NAME") from None
        self._file.seek(0)
        words = self._file.read().decode(errors="replace").split()
        self.token = words[1] if len(words) == 2 and words[0] == "token" else ""
        """Empty where no run made a cluster of that name, or where its run has removed it."""

    @property
    def closed(self) -> bool:
        """Whether it was given up."""
        return self._file.closed

    def renew(self) -> str:
        """A new token, which is on the disk when it is returned."""
        self.forget()
        self.token = secrets.token_hex(16)
        self._file.write(f"token {self.token}\n".encode())
        return self.token

    def forget(self) -> None:
        """No cluster of that name is a run's own any more."""
        self._file.truncate(0)
        self.token = ""

    def close(self) -> None:
        """Gives it up; a second call does nothing."""
        self._file.close()

    def is_of(self, provider: str) -> bool:
        """Whether the cluster that has the name now is the one that the token is of: all its containers have it.

        Args:
            provider: the program with which kind makes containers.

        Raises: TakeoverError with the provider's own words.
        """
        label, places = f"label={_LABEL}={self.name}", "{{range .Mounts}}{{.Destination}} {{end}}"
        known: list[str] | None = None
        while self.token:
            containers = _said(provider, "ps", "--all", "--quiet", "--no-trunc", "--filter", label).split()
            if not containers:
                return False
            try:
                mounted = _said(provider, "inspect", "--format", places, *containers).splitlines()
            except TakeoverError:
                # One of them may have gone meanwhile: kind, interrupted, tidies up.
                if containers == known:
                    raise
                known = containers
                continue
            return all(_PLACE + self.token in line.split() for line in mounted)
        return False


def records() -> Iterator[Record]:
    """Those of which no living run has the record; each is closed when the next one is asked for."""
    for path in sorted(_folder().glob("*")):
        try:
            record = Record(path.name)
        except BadInputError:
            continue  # its run is alive
        try:
            yield record
        finally:
            record.close()


def was_used() -> bool:
    """Whether this user ever had a run on kind."""
    return any(_folder().glob("*"))


def config(token: str) -> str:
    """Kind's configuration of a cluster whose container has that token."""
    mount = {"hostPath": _MOUNTED, "containerPath": _PLACE + token, "readOnly": True}
    node = {"role": "control-plane", "extraMounts": [mount]}
    return yaml.safe_dump({"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]})


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except OSError as error:
        raise TakeoverError(f"cannot run {command[0]}: {error.strerror}") from None
    except subprocess.CalledProcessError as error:
        raise TakeoverError(f"{command[0]} {command[1]}: {' '.join(error.stderr.split())[:300]}") from None


def _folder() -> Path:
    return cache_folder() / "kind"
