"""A source of Envoys: the binaries of Envoy's releases on GitHub, `--envoy github:1.33.2` or `github:contrib-1.33.2`.

What is fetched must have the SHA-256 that the release tells: in its asset `checksums.txt.asc`, else by GitHub's API.
"""

import functools
import os
import platform
import re
from pathlib import Path

import msgspec

from takeover.base import cache
from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy.downloads import Web
from takeover.envoy.identity import identify
from takeover.envoy.kept import BINARY, fetch_into, kept_binary, require_whole
from takeover.envoy.sources import Tell, release_of
from takeover.model.release import Release

DOWNLOADS = "TAKEOVER_GITHUB_DOWNLOADS"
"""The variable of the environment that names a mirror: below it, `vVERSION/ASSET`."""

API = "TAKEOVER_GITHUB_API"
"""The variable of the environment that names another address of the API, up to the repository's name."""

_DOWNLOADS = "https://github.com/envoyproxy/envoy/releases/download"
_API = "https://api.github.com/repos/envoyproxy/envoy"
_CHECKSUMS = "checksums.txt.asc"
_ITEM = re.compile(r"(contrib-)?v?(\d+\.\d+\.\d+)")
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch_64", "arm64": "aarch_64"}
_LONGEST_LIST = 4 << 20
_LARGEST_BINARY = 1 << 30


class Github:
    """See `takeover.envoy.sources.Source`: an item is a version, or `contrib-` and a version."""

    def releases(self, item: str, tell: Tell) -> list[Release]:
        """The release, fetched if need be."""
        match = _ITEM.fullmatch(item)
        if match is None:
            raise BadInputError(
                f"--envoy github:{item}: write a version, as github:1.33.2, or github:contrib-1.33.2 for all extensions"
            )
        contrib, version = match[1] or "", match[2]
        name = f"github-{contrib}{version}"
        title = f"Envoy {contrib}{version} of GitHub"
        with cache.writing(title):
            binary = kept_binary(name)
            if not binary.exists():
                binary = fetch_into(name, title, tell, functools.partial(_fetch, contrib, version))
        require_whole(binary)
        return [release_of(name, binary)]


def _fetch(contrib: str, version: str, download: Path, _lock: int) -> None:
    """Downloads, checks and tries the binary."""
    machine = _MACHINES.get(platform.machine().lower())
    if machine is None:
        raise BadInputError(f"--envoy github:…: Envoy's releases have no binary for {platform.machine()}")
    asset = f"envoy-{contrib}{version}-linux-{machine}"
    web = Web("GitHub")
    try:
        told = _checksum(web, version, asset)
        status, found = web.save(
            f"{_address(DOWNLOADS, _DOWNLOADS)}/v{version}/{asset}", {}, download / BINARY, _LARGEST_BINARY
        )
    finally:
        web.close()
    if status == 404:
        raise BadInputError(f"--envoy: release {version} of Envoy has no {asset} on GitHub")
    if status != 200:
        raise web.refusal(status, asset)
    if found != told:
        raise TakeoverError(f"{asset} is not what its release tells of: its SHA-256 is {found}, not {told}")
    (download / BINARY).chmod(0o755)
    if (called := identify(download / BINARY, download / "identities.json").version) != version:
        raise TakeoverError(f"{asset} of GitHub calls itself {called}")


def _checksum(web: Web, version: str, asset: str) -> str:
    """The SHA-256, in hexadecimal, that the release tells of its asset."""
    url = f"{_address(DOWNLOADS, _DOWNLOADS)}/v{version}/{_CHECKSUMS}"
    response, body = web.read(url, {}, _LONGEST_LIST)
    if response.status_code == 200 and (told := _listed(body.decode(errors="replace"), asset)):
        return told
    if response.status_code not in (200, 404):
        raise web.refusal(response.status_code, _CHECKSUMS, response.headers.get("retry-after", ""))
    if os.environ.get(DOWNLOADS) and not os.environ.get(API):
        raise BadInputError(f"--envoy: what {DOWNLOADS} names tells no checksum of {asset} in v{version}/{_CHECKSUMS}")
    return _of_api(web, version, asset)


def _listed(text: str, asset: str) -> str:
    """Of lines as sha256sum writes them, the checksum of a file of that name, in whatever folder it was."""
    match = re.search(rf"^([0-9a-fA-F]{{64}})[ \t]+\*?(?:\S*/)?{re.escape(asset)}[ \t\r]*$", text, re.MULTILINE)
    return match[1].lower() if match else ""


class _Asset(msgspec.Struct):
    name: str
    digest: str | None = None


class _Assets(msgspec.Struct):
    assets: list[_Asset]


def _of_api(web: Web, version: str, asset: str) -> str:
    url = f"{_address(API, _API)}/releases/tags/v{version}"
    headers = {"accept": "application/vnd.github+json"}
    if token := os.environ.get("GITHUB_TOKEN", ""):
        headers["authorization"] = f"Bearer {token}"
    response, body = web.read(url, headers, _LONGEST_LIST)
    if response.status_code == 404:
        raise BadInputError(f"--envoy: Envoy has no release {version} on GitHub")
    if response.status_code in (403, 429) and response.headers.get("x-ratelimit-remaining") == "0":
        raise TakeoverError("GitHub takes no more requests from here for now: set GITHUB_TOKEN, or try later")
    if response.status_code != 200:
        raise web.refusal(response.status_code, f"release {version}", response.headers.get("retry-after", ""))
    try:
        assets = msgspec.json.decode(body, type=_Assets).assets
    except msgspec.DecodeError:
        raise TakeoverError(f"what GitHub says of release {version} is no list of assets") from None
    found = next((each for each in assets if each.name == asset), None)
    if found is None:
        there = ", ".join(each.name for each in assets) or "none"
        raise BadInputError(f"--envoy: release {version} of Envoy has no {asset} on GitHub; its assets: {there}")
    kind, _, value = (found.digest or "").partition(":")
    if kind != "sha256" or not value:
        raise TakeoverError(
            f"GitHub tells no checksum of {asset}: fetch it yourself, and give --envoy its path, as {version}=./{asset}"
        )
    return value.lower()


def _address(variable: str, default: str) -> str:
    return (os.environ.get(variable) or default).rstrip("/")
