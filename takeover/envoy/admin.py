"""Envoy's admin API as an object. How to reach it is the caller's business: a client with its `base_url`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import msgspec
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from takeover.base.errors import BadInputError, DeploymentError
from takeover.model.release import ServerInfo
from takeover.scenario.supplying import CONFIG_ID

if TYPE_CHECKING:
    import httpx


class _Node(msgspec.Struct):
    id: str = ""


class _Told(msgspec.Struct):
    """What is read of `/server_info`."""

    version: str
    node: _Node = msgspec.field(default_factory=_Node)


class _Socket(msgspec.Struct, frozen=True):
    address: str = ""
    port_value: int = 0


class _Address(msgspec.Struct, frozen=True):
    socket_address: _Socket | None = None


class _Gauge(msgspec.Struct, frozen=True):
    name: str = ""
    value: str = "0"


class _Host(msgspec.Struct, frozen=True):
    address: _Address = _Address()
    stats: list[_Gauge] = []


class _Cluster(msgspec.Struct, frozen=True):
    name: str = ""
    host_statuses: list[_Host] = []


class _Clusters(msgspec.Struct, frozen=True):
    """What is read of `/clusters`."""

    cluster_statuses: list[_Cluster] = []


class Admin:
    """The admin API of one Envoy.

    Every method raises `httpx.HTTPStatusError` for an answer that is not 200, and what the client raises when there
    is no answer.

    Args:
        client: speaks to the admin port; its `base_url` is that port's.
    """

    def __init__(self, client: "httpx.Client") -> None:
        self._client = client

    def ready(self) -> str:
        """The server's state: LIVE, PRE_INITIALIZING, INITIALIZING or DRAINING."""
        return self._client.get("/ready").text.strip()  # 503 is an answer too

    def config_id(self) -> str:
        """The config id in `node.metadata` that this Envoy runs with: tells one deployment's Envoy from another's."""
        # /server_info has it as well, between a hundred kilobytes of extensions.
        configs = self._json("/config_dump", {"mask": "bootstrap.node.metadata"}).get("configs", [])
        found = [each.get("bootstrap", {}).get("node", {}).get("metadata", {}) for each in configs]
        return cast("str", next((each[CONFIG_ID] for each in found if CONFIG_ID in each), ""))

    def server_info(self) -> ServerInfo:
        """Which Envoy this is. A hundred kilobytes of extensions come with it: for whoever asks once."""
        told = self._told()
        commit, _, rest = told.version.partition("/")
        version, _, build = rest.partition("/")
        return ServerInfo(version, commit, build) if version else ServerInfo(told.version, "", "")

    def node_id(self) -> str:
        """By which it is known to control planes; "" if it has none. As large an answer as `server_info`."""
        return self._told().node.id

    def _told(self) -> _Told:
        return msgspec.json.decode(self._client.get("/server_info").raise_for_status().content, type=_Told)

    def stats(self, pattern: str | None = None) -> dict[str, int]:
        """Counters and gauges by name, of those that match `pattern` (RE2, anywhere in the name) or of all.

        Histograms and text are left out: they are not numbers.

        Raises: BadInputError when Envoy refuses the pattern.
        """
        query = {"format": "json"} | ({} if pattern is None else {"filter": pattern})
        response = self._client.get("/stats", params=query)
        if response.status_code == HTTPStatus.BAD_REQUEST:
            raise BadInputError(f"Envoy refuses the stats pattern {pattern!r}: {response.text.strip()}")
        entries = response.raise_for_status().json()["stats"]
        return {entry["name"]: entry["value"] for entry in entries if isinstance(entry.get("value"), int)}

    def upstream_connections(self) -> dict[tuple[str, str], int]:
        """The hosts to which there are connections, each as its cluster and "IP:PORT", and how many there are."""
        answer = self._client.get("/clusters", params={"format": "json"}).raise_for_status()
        found: dict[tuple[str, str], int] = {}
        for cluster in msgspec.json.decode(answer.content, type=_Clusters).cluster_statuses:
            for host in cluster.host_statuses:
                open_now = sum(int(each.value) for each in host.stats if each.name == "cx_active")
                if open_now and (at := host.address.socket_address):
                    name = f"[{at.address}]:{at.port_value}" if ":" in at.address else f"{at.address}:{at.port_value}"
                    found[cluster.name, name] = found.get((cluster.name, name), 0) + open_now
        return found

    def config_dump(self) -> dict[str, Any]:
        """`envoy.admin.v3.ConfigDump`: everything that this Envoy is configured with, endpoints included."""
        return self._json("/config_dump", {"include_eds": ""})

    def wait_until_serving(self, config_id: str, deadline: float) -> None:
        """Waits, at most `deadline` seconds, until the Envoy that runs with that config id is LIVE.

        Raises: DeploymentError that says what was last seen.
        """
        import httpx

        seen = "nothing"

        def is_serving() -> bool:
            nonlocal seen
            try:
                state, found = self.ready(), self.config_id()
            except (httpx.HTTPError, OSError) as error:
                seen = f"no answer ({error!r})"
                return False
            seen = f"{state} with the config id {found!r}"
            return state == "LIVE" and found == config_id

        try:
            Retrying(
                retry=retry_if_result(lambda serving: not serving),
                wait=wait_exponential(multiplier=0.01, max=0.1),
                stop=stop_after_delay(deadline),
            )(is_serving)
        except RetryError:
            raise DeploymentError(
                f"no Envoy is LIVE with the config id {config_id!r} after {deadline:g} s; last seen: {seen}"
            ) from None

    def _json(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        response = self._client.get(path, params=query)
        return cast("dict[str, Any]", response.raise_for_status().json())
