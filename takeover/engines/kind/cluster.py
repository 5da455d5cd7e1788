"""One kind cluster for one run: made, or found and left alone; through pytest-kind's cluster class."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from takeover.base import cache
from takeover.base.cache import cache_folder
from takeover.base.errors import BadInputError, TakeoverError

_OTHER_ENGINES = "use --engine local (needs no Docker) or --engine kubernetes (a cluster that is there)"
_OLD_CLUSTER = b"made by a run\n"


@dataclass(frozen=True)
class KindOptions:
    """pytest-kind's own options, as they were given.

    Args:
        name: the cluster's name.
        keep: leave the cluster there at the end.
        image: the node image; None for kind's default.
        kind, kubectl: the programs; None for the ones on PATH, else what pytest-kind downloads.
        kubeconfig: the file to which kind writes the cluster's access; None for pytest-kind's own.
    """

    name: str
    keep: bool
    image: str | None
    kind: str | None
    kubectl: str | None
    kubeconfig: str | None


class Access(msgspec.Struct, frozen=True):
    """How other processes of the run reach the cluster."""

    kubeconfig: str
    context: str


class OwnCluster:
    """A kind cluster that is there from construction to `remove`.

    A cluster of that name that was there before is used and left there, one that a dead run left is replaced.

    Args:
        tell: takes a line for the user about what takes time.

    Raises: BadInputError, TakeoverError (kind's own words); nothing is left then.
    """

    def __init__(self, options: KindOptions, tell: Callable[[str], None]) -> None:
        self.name = options.name
        self.keep = options.keep
        self._provider = _provider()
        self._record = _claim(options.name)
        try:
            self._kind = _program("kind", options.kind)
            kubectl = _program("kubectl", options.kubectl)
            self._cluster = _cluster_class()(
                options.name,
                Path(options.kubeconfig) if options.kubeconfig else None,
                image=options.image,
                kind_path=self._kind,
                kubectl_path=kubectl,
            )
            self._fetch_kind()
            self.created = self._make_or_find(tell)
        except BaseException:
            self._record.close()
            raise

    @property
    def context(self) -> str:
        """The name of the cluster's context."""
        return f"kind-{self.name}"

    @property
    def kubeconfig(self) -> Path:
        """The file with the access to the cluster."""
        return Path(self._cluster.kubeconfig_path).resolve()

    def load(self, images: Iterable[str], tell: Callable[[str], None]) -> None:
        """Loads those of the images that Docker has here into the cluster; the node pulls the others itself."""
        local = [each for each in dict.fromkeys(images) if _succeeds(self._provider, "image", "inspect", each)]
        if not local:
            return
        tell(f"loading local images into kind cluster {self.name}: {', '.join(local)}")
        with _told(f"kind cannot load images into cluster {self.name}"), ThreadPoolExecutor(2) as pool:
            list(pool.map(self._cluster.load_docker_image, local))

    def remove(self) -> None:
        """Deletes the cluster if this run made it and was not to keep it."""
        if self._record.closed:
            return
        try:
            if self.created and not self.keep:
                self._delete()
            self._forget()
        finally:
            self._record.close()

    def how_to_delete(self) -> str:
        """The shell command that deletes the cluster."""
        return f"kind delete cluster --name {self.name}"

    def _fetch_kind(self) -> None:
        import requests

        try:
            self._cluster.ensure_kind()
        except (OSError, requests.RequestException) as error:
            text = " ".join(str(error).split())[:300]
            raise BadInputError(
                f"no program kind on PATH, and it cannot be downloaded ({text}): install kind, or give --kind-bin FILE"
            ) from None

    def _make_or_find(self, tell: Callable[[str], None]) -> bool:
        """Returns whether the cluster is this run's own."""
        program = str(self._cluster.kind_path)
        try:
            there = subprocess.run([program, "get", "clusters"], check=True, capture_output=True, text=True).stdout
        except OSError as error:
            raise BadInputError(f"cannot run {program}: {error.strerror}; give --kind-bin FILE") from None
        except subprocess.CalledProcessError as error:
            raise TakeoverError(f"{program} get clusters: {_last_line(error.stderr)}") from None
        if self.name in there.split():
            if self._record.read() != _OLD_CLUSTER:
                tell(f"using kind cluster {self.name}, which was there, and leaving it there")
                target = str(self._cluster.kubeconfig_path)
                with _told(f"no access to kind cluster {self.name}"):
                    subprocess.run(
                        [program, "export", "kubeconfig", "--name", self.name, "--kubeconfig", target], check=True
                    )
                return False
            tell(f"removing kind cluster {self.name}, which a dead run left")
            self._delete()
        tell(f"creating kind cluster {self.name}")
        self._record.truncate(0)
        self._record.write(_OLD_CLUSTER)
        self._record.flush()
        try:
            with _told(f"kind cannot create cluster {self.name}"):
                self._cluster.create()
        except BaseException:
            self._delete()
            self._forget()
            raise
        return True

    def _delete(self) -> None:
        with _told(f"kind cannot delete cluster {self.name} ({self.how_to_delete()})"):
            self._cluster.delete()

    def _forget(self) -> None:
        self._record.truncate(0)


def leftovers() -> list[str]:
    """The names of clusters that dead runs of this user made and did not delete."""
    found = []
    for path in sorted(_records().glob("*")):
        try:
            with _claim(path.name) as record:
                if record.read() == _OLD_CLUSTER:
                    found.append(path.name)
        except BadInputError:
            continue  # its run is alive
    return found


def was_used() -> bool:
    """Whether this user ever had a run on kind."""
    return any(_records().glob("*"))


def delete_leftover(name: str) -> None:
    """Deletes a cluster that `leftovers` named. Raises: TakeoverError with kind's own words."""
    program = _program("kind", None)
    if program is None:
        raise BadInputError("no program kind on PATH: install it to delete its clusters")
    with _claim(name) as record, _told(f"kind cannot delete cluster {name}"):
        subprocess.run([str(program), "delete", "cluster", "--name", name], check=True)
        record.truncate(0)


def _records() -> Path:
    return cache_folder() / "kind"


def _claim(name: str) -> IO[bytes]:
    """Opens the record of that cluster name, for one process at a time: its lock ends with the process in any case."""
    folder = _records()
    if not name or Path(name).name != name:
        raise BadInputError(f"--cluster-name {name!r} is no name for a kind cluster")
    with cache.writing("the record of a kind cluster"):
        folder.mkdir(parents=True, exist_ok=True)
        record = (folder / name).open("a+b", buffering=0)
    try:
        fcntl.flock(record, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        record.close()
        raise BadInputError(f"kind cluster {name} belongs to another run: give --cluster-name NAME") from None
    record.seek(0)
    return record


def _provider() -> str:
    """The container engine that kind uses. Raises: BadInputError when there is none."""
    name = os.environ.get("KIND_EXPERIMENTAL_PROVIDER") or "docker"
    if shutil.which(name) is None:
        raise BadInputError(f"--engine kind needs {name}, and there is no program {name} here: {_OTHER_ENGINES}")
    info = subprocess.run([name, "info"], capture_output=True, text=True, check=False)
    if info.returncode:
        raise BadInputError(
            f"--engine kind needs {name}, which does not answer ({_last_line(info.stderr)}): "
            f"start it, or {_OTHER_ENGINES}"
        )
    return name


def _program(name: str, given: str | None) -> Path | None:
    if given is not None and shutil.which(given) is None:
        option = {"kind": "--kind-bin", "kubectl": "--kind-kubectl-bin"}[name]
        raise BadInputError(f"{option} {given}: there is no such program")
    found = shutil.which(given or name)
    return Path(found).resolve() if found else None


def _cluster_class() -> Any:
    from pytest_kind import KindCluster

    return KindCluster


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def _told(what: str) -> Iterator[None]:
    """The programs write to this process's outputs: they are kept aside, and their last words told on a failure."""
    with tempfile.TemporaryFile() as heard:
        saved = [(number, os.dup(number)) for number in (1, 2)]
        try:
            for number, _ in saved:
                os.dup2(heard.fileno(), number)
            yield
        except (subprocess.CalledProcessError, OSError) as error:
            heard.seek(0)
            raise TakeoverError(f"{what}: {_reason(heard.read().decode(errors='replace')) or error}") from None
        finally:
            for number, copy in saved:
                os.dup2(copy, number)
                os.close(copy)


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    at = next((number for number, line in enumerate(lines) if line.startswith("ERROR")), max(0, len(lines) - 1))
    return " ".join(lines[at : at + 3])[:500]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]
