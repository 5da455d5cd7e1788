"""Requests of curl lines, one command each (curl's manual); nothing that they name is read, written or followed."""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from takeover.base.errors import BadInputError
from takeover.check.given.http_request import HttpRequest, Url, http_request, tls_for
from takeover.check.given.shell import commands

_SHORT = {
    "-H": "--header", "-X": "--request", "-d": "--data", "-u": "--user", "-b": "--cookie", "-A": "--user-agent",
    "-e": "--referer", "-k": "--insecure", "-s": "--silent", "-S": "--show-error", "-v": "--verbose", "-i": "--include",
    "-I": "--head", "-L": "--location", "-f": "--fail", "-G": "--get", "-g": "--globoff", "-N": "--no-buffer",
    "-o": "--output", "-w": "--write-out", "-m": "--max-time", "-0": "--http1.0", "-4": "--ipv4", "-6": "--ipv6",
    "-q": "--disable", "-#": "--progress-bar",
}  # fmt: skip
_ASKING = frozenset({
    "--header", "--request", "--data", "--data-raw", "--data-ascii", "--data-binary", "--data-urlencode", "--json",
    "--user", "--cookie", "--user-agent", "--referer", "--connect-to", "--url", "--oauth2-bearer",
})  # fmt: skip
_WITHOUT_MEANING = frozenset({"--output", "--write-out", "--max-time", "--connect-timeout", "--retry", "--retry-delay",
    "--cacert", "--resolve", "--tls-max", "--ciphers", "--interface"})  # fmt: skip
_FLAGS = frozenset({
    "--insecure", "--silent", "--show-error", "--verbose", "--include", "--head", "--location", "--fail", "--get",
    "--globoff", "--no-buffer", "--http1.0", "--http1.1", "--http2", "--http2-prior-knowledge", "--ipv4", "--ipv6",
    "--disable", "--progress-bar", "--compressed", "--path-as-is", "--no-progress-meter", "--fail-with-body",
    "--no-keepalive", "--tlsv1.2", "--tlsv1.3",
})  # fmt: skip
_NO_GLOB = re.compile(r"\[\]|\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%]*\]")
"""Brackets that are no range to curl: of arrays in a query, of addresses of IPv6."""
_FORM = "application/x-www-form-urlencoded"


@dataclass
class _Command:
    """What a command says."""

    where: str
    urls: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    data: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    method: str = ""
    is_json: bool = False
    connect_to: list[str] = field(default_factory=list)

    def error(self, what: str) -> BadInputError:
        return BadInputError(f"{self.where}: {what}")


def requests(text: str, file: str, leave_out: Callable[[str], None]) -> Iterator[HttpRequest]:
    """The requests of the curl commands in it; other commands are left out.

    Raises: BadInputError "FILE:LINE: …" for an option that is not known, and for what only a shell could tell.
    """
    for line, words in commands(text, file):
        if words[0] == "$":
            words = words[1:]  # noqa: PLW2901
        if not words or words[0] != "curl":
            leave_out("commands other than curl")
            continue
        command = _Command(f"{file}:{line}")
        _read(command, words[1:])
        if not command.urls:
            raise command.error("curl without a URL")
        for url in command.urls:
            yield _request(command, url, line)


def _read(command: _Command, words: list[str]) -> None:
    left = list(reversed(words))
    while left:
        word = left.pop()
        if word.startswith("--"):
            _option(command, word, left)
        elif word.startswith("-") and len(word) > 1:
            name = _SHORT.get(word[:2])
            if name is None:
                raise command.error(f"curl's {word[:2]} is not known here: leave it out")
            if len(word) > 2:  # more flags, or its value
                left.append(f"-{word[2:]}" if name in _FLAGS else word[2:])
            _option(command, name, left)
        else:
            command.urls.append(word)


def _option(command: _Command, name: str, left: list[str]) -> None:
    if name in _FLAGS:
        command.flags.add(name)
        return
    if name not in _ASKING | _WITHOUT_MEANING:
        raise command.error(f"curl's {name} is not known here: leave it out")
    if not left:
        raise command.error(f"curl's {name} needs a value")
    value = left.pop()
    if name in _ASKING:
        _ask(command, name, value)


def _ask(command: _Command, name: str, value: str) -> None:
    match name:
        case "--url":
            command.urls.append(value)
        case "--request":
            command.method = value
        case "--header":
            _header(command, value)
        case "--user":
            command.headers.append(_basic(value))
        case "--oauth2-bearer":
            command.headers.append(("Authorization", f"Bearer {value}"))
        case "--cookie":
            if "=" not in value:
                raise command.error("curl's --cookie names a file: write the cookies out")
            command.headers.append(("Cookie", value))
        case "--user-agent" | "--referer":
            command.headers.append((name.strip("-").title(), value))
        case "--connect-to":
            command.connect_to.append(value)
        case _:
            _data(command, name, value)


def _header(command: _Command, value: str) -> None:
    if value.startswith("@"):
        raise command.error("curl's --header names a file: write the headers out")
    name, colon, rest = value.partition(":")
    if not colon and value.endswith(";"):
        command.headers.append((value[:-1], ""))
    elif not rest.strip():
        command.removed.add(name.strip().lower())
    else:
        command.headers.append((name.strip(), rest.strip()))


def _data(command: _Command, name: str, value: str) -> None:
    if name != "--data-raw" and value.startswith("@"):
        raise command.error(f"curl's {name} names a file: write the data out")
    if name == "--data-urlencode":
        key, equals, rest = value.partition("=")
        if not equals and "@" in value:
            raise command.error(f"curl's {name} names a file: write the data out")
        value = f"{key}={quote_plus(rest)}" if equals and key else quote_plus(rest or value)
    command.is_json = command.is_json or name == "--json"
    command.data.append(value)


def _request(command: _Command, text: str, line: int) -> HttpRequest:
    try:
        url = Url.of(text, as_it_is="--path-as-is" in command.flags)
    except ValueError as error:
        raise command.error(str(error)) from None
    if "--globoff" not in command.flags and re.search(r"[][{}]", _NO_GLOB.sub("", text)):
        raise command.error(f"curl makes several URLs of {text[:80]}: write each out, or give --globoff")
    body = ("" if command.is_json else "&").join(command.data) if command.data else None
    path = url.path
    if "--get" in command.flags and body is not None:
        path, body = f"{path}{'&' if '?' in path else '?'}{body}", None
    method = command.method or ("HEAD" if "--head" in command.flags else "POST" if body is not None else "GET")
    http2 = "--http2-prior-knowledge" in command.flags or ("--http2" in command.flags and url.is_tls)
    given = {name.lower(): value for name, value in command.headers}
    return http_request(
        method=method,
        path=path,
        authority=given.get("host", url.authority),
        headers=[*_headers(command, given, has_body=body is not None), *_of_user(url, given)],
        body=body,
        http2=http2,
        version="1.0" if "--http1.0" in command.flags else "1.1",
        tls=tls_for(url.host, http2=http2) if url.is_tls else None,
        port=_port(command, url),
        line=line,
    )


def _of_user(url: Url, given: dict[str, str]) -> list[tuple[str, str]]:
    """Who the URL says that asks, unless an option does."""
    if not url.user or "authorization" in given:
        return []
    return [_basic(url.user if ":" in url.user else f"{url.user}:")]


def _basic(user: str) -> tuple[str, str]:
    return "Authorization", f"Basic {base64.b64encode(user.encode()).decode()}"


def _headers(command: _Command, given: dict[str, str], *, has_body: bool) -> list[tuple[str, str]]:
    """Those that are written, and those that curl adds."""
    added = [("User-Agent", "curl"), ("Accept", "application/json" if command.is_json else "*/*")]
    if "--compressed" in command.flags:
        added.append(("Accept-Encoding", "deflate, gzip"))
    if has_body:
        added.append(("Content-Type", "application/json" if command.is_json else _FORM))
    gone = given.keys() | command.removed
    return [each for each in added if each[0].lower() not in gone] + command.headers


def _port(command: _Command, url: Url) -> int:
    """That is dialled: `--connect-to HOST:PORT:OTHER:PORT` may say another one."""
    for each in command.connect_to:
        found = re.fullmatch(r"(.*?):(\d*):(.*):(\d*)", each)
        if found is None:
            raise command.error(f"curl's --connect-to {each}: must be HOST:PORT:HOST:PORT")
        if found[1] in ("", url.host) and found[2] in ("", str(url.dialled)) and found[4]:
            return int(found[4])
    return url.dialled
