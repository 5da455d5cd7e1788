"""One kind cluster for one run: made, or found and left alone; through pytest-kind's cluster class."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.kind import ownership
from takeover.engines.kind.ownership import Record

_ANSWER_TIMEOUT = 60.0
"""Seconds for what a program only tells: it may wait for ever for a daemon that hangs."""
_OTHER_ENGINES = "use --engine local (needs no Docker) or --engine kubernetes (a cluster that is there)"


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

    A cluster of that name that was there before is used and left there, one that a dead run left is replaced. Which is
    which, also at the end, its containers tell.

    Args:
        tell: takes a line for the user about what takes time.

    Raises: BadInputError, TakeoverError (kind's own words); nothing is left then.
    """

    def __init__(self, options: KindOptions, tell: Callable[[str], None]) -> None:
        self.name = options.name
        self.keep = options.keep
        self._provider = _provider()
        self._record = Record(options.name)
        try:
            self._kind = _program("kind", options.kind)
            self._cluster = self._made(options, _program("kubectl", options.kubectl))
            self._fetch_kind()
            self.created = self._make_or_find(tell)
        except BaseException:
            self._record.close()
            raise

    def _made(self, options: KindOptions, kubectl: Path | None) -> Any:
        given = Path(options.kubeconfig) if options.kubeconfig else None
        if given is not None and (given.is_dir() or not given.absolute().parent.is_dir()):
            raise BadInputError(
                f"--kubeconfig {given}: kind cannot write to that: name a file in a folder that is there"
            )
        try:
            return _cluster_class()(
                options.name, given, image=options.image, kind_path=self._kind, kubectl_path=kubectl
            )
        except OSError as error:
            where = Path(".pytest-kind", options.name).absolute()
            raise BadInputError(
                f"--engine kind cannot make its folder {where} ({error.strerror}): run it where that can be made"
            ) from None

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
                self._delete_own()
            self._record.forget()
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
            command = [program, "get", "clusters"]
            there = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_ANSWER_TIMEOUT).stdout
        except OSError as error:
            raise BadInputError(f"cannot run {program}: {error.strerror}; give --kind-bin FILE") from None
        except subprocess.TimeoutExpired:
            raise TakeoverError(f"{program} get clusters: no answer in {_ANSWER_TIMEOUT:g} s") from None
        except subprocess.CalledProcessError as error:
            raise TakeoverError(f"{program} get clusters: {_last_line(error.stderr)}") from None
        if self.name in there.split():
            if not self._record.is_of(self._provider):
                return self._find(program, tell)
            tell(f"removing kind cluster {self.name}, which a dead run left")
            self._delete_own()
        tell(f"creating kind cluster {self.name}")
        token = self._record.renew()
        try:
            with _told(f"kind cannot create cluster {self.name}"), _file(ownership.config(token)) as config:
                self._cluster.create(config)
        except BaseException:
            self._delete_own()
            self._record.forget()
            raise
        if self._record.is_of(self._provider):
            return True
        # Somebody was faster with a cluster of that name: kind's class takes what it finds.
        self._record.forget()
        return self._find(program, tell)

    def _find(self, program: str, tell: Callable[[str], None]) -> bool:
        tell(f"using kind cluster {self.name}, which was there, and leaving it there")
        target = str(self._cluster.kubeconfig_path)
        with _told(f"no access to kind cluster {self.name}"):
            subprocess.run([program, "export", "kubeconfig", "--name", self.name, "--kubeconfig", target], check=True)
        return False

    def _delete_own(self) -> None:
        """Deletes the cluster, unless another one has its name by now."""
        if self._record.is_of(self._provider):
            with _told(f"kind cannot delete cluster {self.name} ({self.how_to_delete()})"):
                self._cluster.delete()


def leftovers() -> list[str]:
    """The names of clusters that dead runs of this user made, did not delete, and that are still the same clusters.

    Raises: BadInputError when such runs are known, and what makes kind's containers cannot be asked.
    """
    return [each.name for each in ownership.records() if each.token and each.is_of(_provider())]


def delete_leftover(name: str) -> bool:
    """Deletes a cluster that `leftovers` named. Returns whether it did: no, if another one has its name by now.

    Raises: BadInputError, TakeoverError with kind's own words.
    """
    program = _program("kind", None)
    if program is None:
        raise BadInputError("no program kind on PATH: install it to delete its clusters")
    record = Record(name)
    try:
        is_same = record.is_of(_provider())
        if is_same:
            with _told(f"kind cannot delete cluster {name}"):
                subprocess.run([str(program), "delete", "cluster", "--name", name], check=True)
        record.forget()
        return is_same
    finally:
        record.close()


def _provider() -> str:
    """The container engine that kind uses. Raises: BadInputError when there is none."""
    name = os.environ.get("KIND_EXPERIMENTAL_PROVIDER") or "docker"
    if shutil.which(name) is None:
        raise BadInputError(f"--engine kind needs {name}, and there is no program {name} here: {_OTHER_ENGINES}")
    try:
        info = subprocess.run([name, "info"], capture_output=True, text=True, check=False, timeout=_ANSWER_TIMEOUT)
        why = _last_line(info.stderr) if info.returncode else ""
    except subprocess.TimeoutExpired:
        why = f"not in {_ANSWER_TIMEOUT:g} s"
    if why:
        raise BadInputError(f"--engine kind needs {name}, which does not answer ({why}): start it, or {_OTHER_ENGINES}")
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
def _file(text: str) -> Iterator[Path]:
    """A file with that text, as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kind.yaml")
        path.write_text(text)
        yield path


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
