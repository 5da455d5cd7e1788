"""What package indexes say of a release's files: their checksums (PEP 691's JSON, or PEP 503's HTML)."""

import ast
import re
import ssl
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from urllib.parse import urldefrag

import msgspec
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_wheel_filename

from takeover.base.errors import TakeoverError

_PYPI = "https://pypi.org/simple"
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_SETTING = re.compile(r"(?:global|download|:env:)\.(index-url|extra-index-url|cert|no-index)=(.*)")
_TIMEOUT = 60.0


class _File(msgspec.Struct):
    filename: str
    hashes: dict[str, str] = {}


class _Files(msgspec.Struct):
    files: list[_File]


def settings(listed: str) -> dict[str, str]:
    """Of what `pip config list` prints, what says where its indexes are and whom it trusts.

    What stands later in it is what pip goes by.
    """
    matches = (_SETTING.fullmatch(line.strip()) for line in listed.splitlines())
    return {match[1]: str(ast.literal_eval(match[2])) for match in matches if match}  # pip prints Python's repr


def checksums(package: str, version: str, pip: Mapping[str, str]) -> frozenset[str]:
    """The SHA-256, in hexadecimal, of each wheel of that version, as pip's indexes tell them; none without an index.

    An index that has not this package, or does not answer, is passed over where another one tells, as pip does.

    Args:
        pip: of `settings`.

    Raises: TakeoverError when no index tells and one cannot be asked, without its address, which may hold a password.
    """
    addresses = [pip.get("index-url", _PYPI), *pip.get("extra-index-url", "").split()]
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return frozenset()
    verify = _trusted(pip.get("cert"))
    told, failed = set[str](), list[TakeoverError]()
    for address in addresses:
        try:
            told.update(_of_index(address, package, version, verify))
        except TakeoverError as error:
            failed.append(error)
    if failed and not told:
        raise failed[0]
    return frozenset(told)


def _trusted(certificates: str | None) -> ssl.SSLContext | bool:
    try:
        return ssl.create_default_context(cafile=certificates) if certificates else True
    except OSError as error:
        raise TakeoverError(
            f"pip's setting cert names {certificates}, which cannot be read: {error.strerror or error}: mend it"
        ) from None


def _of_index(address: str, package: str, version: str, verify: ssl.SSLContext | bool) -> Iterable[str]:
    import httpx

    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True, verify=verify) as client:
            response = client.get(f"{address.rstrip('/')}/{package}/", headers={"accept": _ACCEPT})
            response.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise TakeoverError(
            f"the package index answers {error.response.status_code} where it tells checksums of {package}"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TakeoverError(
            f"the package index cannot be asked for checksums of {package}: {type(error).__name__}"
        ) from None
    if "json" not in response.headers.get("content-type", ""):
        return _of_html(response.text, version)
    try:
        return [*_of_json(msgspec.json.decode(response.content, type=_Files), version)]
    except msgspec.DecodeError:
        raise TakeoverError(f"what the package index says of {package} is no list of files") from None


def _of_json(told: _Files, version: str) -> Iterable[str]:
    for file in told.files:
        if _is_of(file.filename, version) and "sha256" in file.hashes:
            yield file.hashes["sha256"].lower()


def _of_html(text: str, version: str) -> Iterable[str]:
    links = _Links()
    links.feed(text)
    for link in links.found:
        address, fragment = urldefrag(link)
        kind, _, value = fragment.partition("=")
        if kind == "sha256" and _is_of(address.rpartition("/")[2], version):
            yield value.lower()


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _is_of(file: str, version: str) -> bool:
    try:
        return str(parse_wheel_filename(file)[1]) == version
    except (InvalidWheelFilename, InvalidSdistFilename):
        return False
