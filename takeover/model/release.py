"""An Envoy under test: the binary that was named, and what runs."""

import re
from pathlib import Path

import msgspec

_POST = re.compile(r"\.post\d+$")


class Release(msgspec.Struct, frozen=True):
    """An Envoy binary to test.

    Attributes:
        name: what test ids show: the version, the NAME before it or before a path, or the file's name.
        version: the package's version, or what a build of one's own reports.
        path: the binary.
        commit: the source's commit, as the binary reports it.
        sha256: the binary's checksum in hexadecimal.
        build: the rest of `envoy --version`, for instance "Clean/RELEASE/BoringSSL".
        is_post_release: a repackaged release; it reports the release's version, and there is no image for it.
        file: what the system said of the file when its checksum was taken; empty where nobody asked.
        chosen_by: the item of `--envoy` that chooses it again; empty where none was given, and none is needed.
    """

    name: str
    version: str
    path: Path
    commit: str
    sha256: str
    build: str
    is_post_release: bool
    file: str = ""
    chosen_by: str = ""

    @property
    def reported_version(self) -> str:
        """What the binary calls itself."""
        return _POST.sub("", self.version) if self.is_post_release else self.version


class ServerInfo(msgspec.Struct, frozen=True):
    """What a deployed Envoy says of itself: version, the source's commit, and the rest, as `envoy --version` does."""

    version: str
    commit: str
    build: str
