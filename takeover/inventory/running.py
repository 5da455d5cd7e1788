"""What a running Envoy tells of itself: its extensions, and the statistics that the scenarios' configs give it."""

import contextlib
import operator
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import TakeoverError
from takeover.envoy.config_given import LONGEST_ARGUMENT, with_config
from takeover.inventory.configs import Config, configs
from takeover.inventory.merged import merged
from takeover.node.bare_node import BareNode, Program, bare_node
from takeover.node.stream import SocketStream
from takeover.scenario.library import Library

if TYPE_CHECKING:
    import httpx

_DEADLINE = 60.0
_LIVE = 2.0
"""Seconds in which one is live whose configuration waits for nobody: it takes hundredths of one."""
# Filters that fetch keys ahead send requests from the start on: whether one has ended by then is chance.
# See the Envoy page "Cluster manager: Statistics", "Dynamic HTTP statistics".
_COMES_WITH_REQUESTS = re.compile(
    r"^cluster\..+\.((internal|external|canary|zone\..+)\.upstream_rq_.+|upstream_rq_(completed|[1-5]xx|[1-5]\d\d))$"
)


@dataclass(frozen=True)
class _Told:
    extensions: set[str]
    stats: set[str]


@dataclass(frozen=True)
class Extension:
    """An extension that a binary has.

    Args:
        category: such as `envoy.filters.http`.
        name: within it.
        type_urls: the full names of the messages that configure it; none for one that only a name stands for.
    """

    category: str
    name: str
    type_urls: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """CATEGORY/NAME."""
        return f"{self.category}/{self.name}"


class _EndedError(TakeoverError):
    """Envoy ended: it does not take its config."""


def extensions_and_stats(
    binary: Path, library: Library, scenarios: Iterable[str] | None = None
) -> tuple[list[str], list[str]]:
    """The extensions as CATEGORY/NAME, and the names of the statistics that these scenarios give, or all; each sorted.

    It runs with the listeners and clusters of many scenarios together, as many as an argument holds; nothing is
    listened on. Statistics that come with the first request only are not among them. Configs that do not go together
    run one by one, and one that this Envoy does not take gives none.

    Raises: TakeoverError when it does not serve.
    """
    told = _Told(set(), set())
    for together in _batches([each for each in configs(library, scenarios) if each.source == "manifest"]):
        some = _told_by_all(binary, together)
        told.extensions.update(some.extensions)
        told.stats.update(some.stats)
    return sorted(told.extensions), sorted(told.stats)


def extensions(binary: Path) -> set[str]:
    """The extensions as CATEGORY/NAME. Raises: TakeoverError when it does not serve."""
    return _told(binary, []).extensions


def described_extensions(binary: Path) -> list[Extension]:
    """The extensions, sorted by category and name. Raises: TakeoverError when it does not serve."""
    with _running(binary, []) as admin:
        listed = admin.get("/server_info").raise_for_status().json()["node"]["extensions"]
    found = (Extension(each["category"], each["name"], tuple(each.get("type_urls", ()))) for each in listed)
    return sorted(found, key=lambda each: each.id)


def _batches(there: Sequence[Config]) -> Iterator[list[Config]]:
    """All of them in order, as many together as fit into one argument; at least one batch."""
    batch: list[Config] = []
    for config in there:
        if batch and len(_as_argument([*batch, config], _socket_name())) > LONGEST_ARGUMENT:
            yield batch
            batch = []
        batch.append(config)
    yield batch


def _socket_name() -> str:
    return f"envoy-takeover/{uuid.uuid4()}"


def _as_argument(together: Sequence[Config], socket_name: str) -> bytes:
    """Their config in one: JSON is YAML, and sooner written."""
    return msgspec.json.encode(merged([(each.scenario, each.content) for each in together], f"@{socket_name}"))


def _told_by_all(binary: Path, together: Sequence[Config]) -> _Told:
    try:
        return _told(binary, together)
    except _EndedError:
        if not together:
            raise
    told = _told(binary, [])
    names = {each.rpartition("/")[2] for each in told.extensions}
    able = [each for each in together if names.issuperset(each.needs)]
    if len(able) < len(together):
        return _told_by_all(binary, able)
    for config in together:
        with contextlib.suppress(_EndedError):
            told.stats.update(_told(binary, [config]).stats)
    return told


def _told(binary: Path, together: Sequence[Config]) -> _Told:
    with _running(binary, together) as admin:
        node = admin.get("/server_info").raise_for_status().json()["node"]
        _wait_until_live(admin)
        lines = admin.get("/stats").raise_for_status().text.splitlines()
    extensions = {f"{each['category']}/{each['name']}" for each in node["extensions"]}
    names = {line.rpartition(": ")[0] or line for line in lines}
    return _Told(extensions, {each for each in names if not _COMES_WITH_REQUESTS.search(each)})


@contextlib.contextmanager
def _running(binary: Path, together: Sequence[Config]) -> Iterator["httpx.Client"]:
    """An Envoy of its own, and a client of its admin API.

    It has no file that could be left: its config is an argument, or a file that is the node's own, where it is too long
    for one; its socket has a name but no place.
    """
    import httpx

    from takeover.net import http

    name = _socket_name()
    config = _as_argument(together, name).decode()
    files = [path for each in together for path in each.files.values()]
    with (
        bare_node(binary, *files) as node,
        node.start(*with_config(node, [str(binary), "--disable-hot-restart", "--concurrency", "1"], config)) as envoy,
    ):
        _wait_until_listening(node, envoy, name, binary)
        connect = lambda _host, _port, timeout: SocketStream(node.connect(name, timeout))  # noqa: E731
        with http.client(connect, "http://envoy.admin") as admin:
            admin.timeout = httpx.Timeout(_DEADLINE)
            try:
                yield admin
            except httpx.TransportError as error:
                try:
                    code = envoy.wait(_DEADLINE)
                except TimeoutError:
                    raise TakeoverError(f"the admin API of {binary} does not answer: {error}") from None
                raise _ended(envoy, binary, code) from None


def _wait_until_listening(node: BareNode, envoy: Program, name: str, binary: Path) -> None:
    """Waits until the admin API takes connections; it answers them when all of a static config is loaded."""

    def is_listening() -> bool:
        try:
            node.connect(name).close()
        except ConnectionRefusedError:
            if (code := envoy.exit_code()) is not None:
                raise _ended(envoy, binary, code) from None
            return False
        return True

    try:
        waiting = Retrying(
            retry=retry_if_result(operator.not_), wait=wait_fixed(0.01), stop=stop_after_delay(_DEADLINE)
        )
        waiting(is_listening)
    except RetryError:
        raise TakeoverError(f"the admin API of {binary} does not listen after {_DEADLINE:g} s") from None


def _wait_until_live(admin: "httpx.Client") -> None:
    """Waits until its workers have begun, with statistics of theirs; who waits for a control plane never is live."""
    with contextlib.suppress(RetryError):
        waiting = Retrying(retry=retry_if_result(operator.not_), wait=wait_fixed(0.01), stop=stop_after_delay(_LIVE))
        waiting(lambda: admin.get("/ready").status_code == HTTPStatus.OK)


def _ended(envoy: Program, binary: Path, code: int) -> _EndedError:
    last = envoy.output().decode(errors="replace").strip().splitlines()[-1:]
    return _EndedError(f"{binary} ended with {code}: {last[0] if last else 'without a word'}")
