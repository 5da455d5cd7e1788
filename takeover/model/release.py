"""An Envoy binary under test."""

from pathlib import Path

import msgspec


class Release(msgspec.Struct, frozen=True):
    """An Envoy binary to test.

    Attributes:
        name: what test ids show: the version, the NAME of NAME=PATH, or the file's name.
        version: the package's version, or what a build of one's own reports.
        path: the binary.
        commit: the source's commit, as the binary reports it.
        sha256: the binary's checksum in hexadecimal.
        build: the rest of `envoy --version`, for instance "Clean/RELEASE/BoringSSL".
        is_post_release: a repackaged release; it reports the release's version, and there is no image for it.
    """

    name: str
    version: str
    path: Path
    commit: str
    sha256: str
    build: str
    is_post_release: bool
