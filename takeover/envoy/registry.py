"""A registry of images, asked as OCI's distribution specification says: manifests and blobs, checked by their digests.

Where a registry wants a token, the service that it names is asked for one (Docker's token authentication), with the
name and password that stand in Docker's own `config.json` for that registry, if any do.
"""

import base64
import binascii
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from urllib.request import parse_http_list, parse_keqv_list

import msgspec

from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy.downloads import Web, is_loopback

if TYPE_CHECKING:
    import httpx

DOCKER_HUB = "TAKEOVER_DOCKER_HUB"
"""The variable of the environment that names a mirror of Docker Hub, with its scheme."""

_DOCKER_HUB = "https://registry-1.docker.io"
_DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"
_LISTS = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_LONGEST_MANIFEST = 4 << 20
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?P<registry>localhost(?::\d+)?|[A-Za-z0-9.-]+(?:\.[A-Za-z0-9-]+|:\d+)|\[[0-9a-fA-F:]+\](?::\d+)?)/)?"
    rf"(?P<repository>{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?"
)


class Reference(msgspec.Struct, frozen=True):
    """An image as it is named: by a tag, by a digest, or by both, of which the digest counts.

    Args:
        registry: host and port; empty for Docker Hub.
        repository: its path there.
        tag: may be empty, if there is a digest.
        digest: `sha256:…`, or empty.
    """

    registry: str
    repository: str
    tag: str
    digest: str


class Blob(msgspec.Struct, frozen=True):
    """Something by its digest: a layer, an image's configuration."""

    digest: str
    size: int
    media_type: str = msgspec.field(name="mediaType", default="")


class _Platform(msgspec.Struct):
    os: str = ""
    architecture: str = ""


class _Listed(msgspec.Struct):
    digest: str
    platform: _Platform = msgspec.field(default_factory=_Platform)


class _Manifest(msgspec.Struct):
    """A manifest, or a list of them."""

    media_type: str = msgspec.field(name="mediaType", default="")
    config: Blob | None = None
    layers: list[Blob] = []
    manifests: list[_Listed] = []


def reference_of(text: str) -> Reference:
    """What `image:TEXT` names. Raises: BadInputError."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise BadInputError(
            f"--envoy image:{text}: this names no image: write [REGISTRY/]REPOSITORY:TAG or REPOSITORY@sha256:DIGEST"
        )
    registry, repository = match["registry"] or "", match["repository"]
    if registry in ("docker.io", "index.docker.io"):
        registry = ""
    if not match["tag"] and not match["digest"]:
        raise BadInputError(f"--envoy image:{text}: say which one, as {text}:v1.40.0 or by its digest")
    if not registry and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(registry, repository, match["tag"] or "", match["digest"] or "")


class Registry:
    """The registry of one repository.

    Args:
        reference: of an image in it.
    """

    def __init__(self, reference: Reference) -> None:
        self._repository = reference.repository
        self._login = reference.registry or _DOCKER_HUB_LOGIN
        if reference.registry:
            host = reference.registry.rpartition(":")[0] or reference.registry
            self._address = f"{'http' if is_loopback(host) else 'https'}://{reference.registry}"
        else:
            self._address = (os.environ.get(DOCKER_HUB) or _DOCKER_HUB).rstrip("/")
        self.who = f"the registry {reference.registry}" if reference.registry else "Docker Hub"
        self._web = Web(self.who)
        self._authorization = ""

    def close(self) -> None:
        """Closes the connections."""
        self._web.close()

    def digest(self, reference: Reference) -> str:
        """The digest of what a reference names at this moment. Raises: TakeoverError."""
        return reference.digest or _digest_of(self._manifest(reference.tag))

    def layers(self, digest: str, architecture: str) -> list[Blob]:
        """The layers, the lowest first, of an image, or of the one of a list that is for Linux and `architecture`.

        Raises: BadInputError when there is none for it, TakeoverError.
        """
        manifest = self._decoded(self._checked(digest))
        if manifest.manifests:
            there = [each for each in manifest.manifests if each.platform.os == "linux"]
            found = next((each for each in there if each.platform.architecture == architecture), None)
            if found is None:
                names = sorted({f"linux/{each.platform.architecture}" for each in there}) or ["nothing of Linux"]
                raise self._no_platform(architecture, ", ".join(names))
            manifest = self._decoded(self._checked(found.digest))
        if manifest.config is None or not manifest.layers:
            raise TakeoverError(f"{self.who}: {self._repository} is no image with layers")
        platform = self._platform(manifest.config)
        if (platform.os, platform.architecture) != ("linux", architecture):
            raise self._no_platform(architecture, f"{platform.os}/{platform.architecture}")
        return manifest.layers

    def save(self, blob: Blob, file: Path, longest: int) -> None:
        """Writes a blob to a file, and checks it. Raises: TakeoverError, OSError."""
        if blob.size > longest:
            raise TakeoverError(
                f"{self.who}: a layer of {self._repository} has {blob.size} bytes: no Envoy is as large"
            )
        url = f"{self._address}/v2/{self._repository}/blobs/{blob.digest}"
        status, found = self._web.save(url, self._headers(), file, longest)
        if status == 401:
            self._authorize(self._web.read(url, {}, _LONGEST_MANIFEST)[0])
            status, found = self._web.save(url, self._headers(), file, longest)
        if status != 200:
            raise self._web.refusal(status, f"a layer of {self._repository}")
        if f"sha256:{found}" != blob.digest:
            raise TakeoverError(
                f"{self.who} sends another layer of {self._repository} than was asked for: "
                f"its digest is sha256:{found}, not {blob.digest}"
            )

    def _platform(self, config: Blob) -> _Platform:
        url = f"{self._address}/v2/{self._repository}/blobs/{config.digest}"
        response, body = self._read(url, "")
        if response.status_code != 200:
            raise self._web.refusal(response.status_code, f"the configuration of {self._repository}")
        self._expect(config.digest, body)
        try:
            return msgspec.json.decode(body, type=_Platform)
        except msgspec.DecodeError as error:
            raise TakeoverError(f"{self.who}: the configuration of {self._repository} is none: {error}") from None

    def _no_platform(self, architecture: str, there: str) -> BadInputError:
        return BadInputError(f"--envoy: the image {self._repository} is for {there}, not for linux/{architecture}")

    def _manifest(self, which: str) -> bytes:
        url = f"{self._address}/v2/{self._repository}/manifests/{which}"
        response, body = self._read(url, ", ".join((*_LISTS, *_MANIFESTS)))
        if response.status_code == 404:
            raise BadInputError(f"--envoy: {self.who} has no {self._repository} {which}")
        if response.status_code in (401, 403):
            raise BadInputError(
                f"--envoy: {self.who} does not give {self._repository} to who asks without a password (answer "
                f"{response.status_code}): there is none, or `docker login` without a credential helper gives you one"
            )
        if response.status_code != 200:
            raise self._web.refusal(
                response.status_code, f"{self._repository} {which}", response.headers.get("retry-after", "")
            )
        if (told := response.headers.get("docker-content-digest", "")) and told.startswith("sha256:"):
            self._expect(told, body)
        return body

    def _checked(self, digest: str) -> bytes:
        body = self._manifest(digest)
        self._expect(digest, body)
        return body

    def _expect(self, digest: str, body: bytes) -> None:
        if (found := _digest_of(body)) != digest:
            raise TakeoverError(
                f"{self.who} sends something else of {self._repository} than its digest says: {found}, not {digest}"
            )

    def _decoded(self, body: bytes) -> _Manifest:
        try:
            return msgspec.json.decode(body, type=_Manifest)
        except msgspec.DecodeError as error:
            raise TakeoverError(f"{self.who}: the manifest of {self._repository} is none: {error}") from None

    def _read(self, url: str, accept: str) -> "tuple[httpx.Response, bytes]":
        """An answer; with a token, where that is asked for."""
        headers = {"accept": accept} if accept else {}
        response, body = self._web.read(url, headers | self._headers(), _LONGEST_MANIFEST)
        if response.status_code == 401 and self._authorize(response):
            response, body = self._web.read(url, headers | self._headers(), _LONGEST_MANIFEST)
        return response, body

    def _headers(self) -> dict[str, str]:
        return {"authorization": self._authorization} if self._authorization else {}

    def _authorize(self, response: "httpx.Response") -> bool:
        """Gets what the next request is to show. Returns whether there is anything new to show."""
        scheme, _, rest = response.headers.get("www-authenticate", "").partition(" ")
        before, password = self._authorization, _password(self._login)
        if scheme.lower() == "basic" and password:
            self._authorization = f"Basic {password}"
        elif scheme.lower() == "bearer":
            told = parse_keqv_list(parse_http_list(rest))
            asked: dict[str, str] = {key: told[key] for key in ("service", "scope") if key in told}
            if not told.get("realm", "").startswith(("http://", "https://")):
                raise TakeoverError(f"{self.who} wants a token, and names nobody who gives one")
            url = f"{told['realm']}?{urlencode(asked)}"
            self._authorization = f"Bearer {self._token(url, password)}"
        return self._authorization != before

    def _token(self, url: str, password: str) -> str:
        if self._address.startswith("https:") and not url.startswith("https:"):
            raise TakeoverError(f"{self.who} names a token service without TLS: not asked")
        headers = {"authorization": f"Basic {password}"} if password else {}
        response, body = self._web.read(url, headers, _LONGEST_MANIFEST)
        if response.status_code != 200:
            raise self._web.refusal(response.status_code, f"a token for {self._repository}")
        try:
            given = msgspec.json.decode(body, type=_Token)
        except msgspec.DecodeError:
            given = _Token()
        if not (token := given.token or given.access_token) or not token.isprintable():
            raise TakeoverError(f"the token service of {self.who} gives no token")
        return token


class _Token(msgspec.Struct):
    token: str = ""
    access_token: str = ""


class _Login(msgspec.Struct):
    auth: str = ""


class _Logins(msgspec.Struct):
    auths: dict[str, _Login] = {}


def _password(registry: str) -> str:
    """Name and password, as base64 has them, of Docker's configuration; empty if it has none."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        logins = msgspec.json.decode((folder / "config.json").read_bytes(), type=_Logins)
        given = logins.auths[registry].auth
        return given if b":" in base64.b64decode(given, validate=True) else ""
    except (OSError, msgspec.DecodeError, KeyError, binascii.Error, ValueError):
        return ""


def _digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
