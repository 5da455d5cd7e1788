"""Whether connections to a ClusterIP arrive at the Pods behind it.

A node learns of a new ClusterIP, or of new endpoints, up to a second or two after the API has them. Until then it
refuses, or sends the packets to where anything may answer. So an accepted connection proves nothing: it must be seen
in the Pod.
"""

import asyncio
import ipaddress
import time
from collections.abc import Iterable

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from takeover.base.errors import TakeoverError
from takeover.engines.kubernetes import objects, streams
from takeover.engines.kubernetes.pod import KubernetesPod
from takeover.engines.kubernetes.relay import Relay, RelayStream
from takeover.model.json import JsonObject

TIMEOUT = 30.0
_ONE_TRY = 0.3
_LISTEN = "0A"
# Packets that the node has no rule for are lost rather than refused, so short tries find the rule sooner.
_UNSEEN_PATIENCE = 8.0
# A cluster may hide the client's address from its Pods, an image may lack `cat`: then an answer has to do.


class _NotYetError(Exception):
    """Some Pod behind the Service was not reached."""


async def wait(scout: KubernetesPod, name: str, address: str, service: JsonObject, behind: list[KubernetesPod]) -> None:
    """Connects from the scout to each TCP port of a Service until every Pod behind it has seen a connection there.

    A port at which no Pod behind it listens has to be refused only. A headless Service may have none.

    Raises: TimeoutError that says what was last seen, there and at each Pod behind it.
    """
    ports = [each for each in service["spec"].get("ports") or [] if each.get("protocol", "TCP") == "TCP"]
    if address == "None" or not ports or not behind:
        return
    relay = await scout.relay((0, 0))
    await asyncio.gather(*(_wait_for_port(scout, relay, name, address, port, behind) for port in ports))


async def _wait_for_port(
    scout: KubernetesPod, relay: Relay, name: str, address: str, port: JsonObject, behind: list[KubernetesPod]
) -> None:
    began = time.monotonic()
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type((OSError, _NotYetError)),
            stop=stop_after_delay(TIMEOUT),
            wait=wait_fixed(0.1),
            reraise=True,
        ):
            with attempt:
                is_patient = time.monotonic() - began < _UNSEEN_PATIENCE
                try:
                    unseen = await _unseen_at(relay, address, port["port"], behind)
                except ConnectionRefusedError:
                    if is_patient or await _anybody_listens(port, behind):
                        raise
                    return
                if unseen and is_patient:
                    raise _NotYetError
    except OSError as error:
        said = f"Service {name} does not answer at port {port['port']} from Pod {scout.key}: {error}"
        raise TimeoutError("; ".join([said, *await _at_the_pods(relay, port, behind)])) from error


async def _at_the_pods(relay: Relay, port: JsonObject, behind: list[KubernetesPod]) -> list[str]:
    """Whether each Pod itself answers at a Service's port: then it is the node that leads nobody there."""
    said: list[str] = []
    for pod in behind:
        if (number := objects.target_port(port, pod.manifest)) is None:
            said.append(f"Pod {pod.key} has no port {port['targetPort']}")
            continue
        try:
            (await asyncio.to_thread(relay.connect, pod.ip, number, _ONE_TRY)).close()
            said.append(f"Pod {pod.key} itself answers at {number}")
        except OSError as error:
            said.append(f"Pod {pod.key} itself at {number}: {error}")
    return said


async def _unseen_at(relay: Relay, address: str, port: int, behind: list[KubernetesPod]) -> list[str]:
    """Connects as often as it takes to meet each Pod. Returns those that saw nothing. Raises: OSError."""
    # One of several endpoints is chosen at random.
    tries = 1 if len(behind) == 1 else 8 * len(behind)
    opening = [asyncio.to_thread(relay.connect, address, port, _ONE_TRY) for _ in range(tries)]
    outcomes = await asyncio.gather(*opening, return_exceptions=True)
    opened = [each for each in outcomes if isinstance(each, RelayStream)]
    try:
        for each in outcomes:
            if isinstance(each, BaseException):
                raise each
        return await _unseen(opened, behind)
    finally:
        for stream in opened:
            stream.close()


async def _unseen(opened: Iterable[RelayStream], behind: list[KubernetesPod]) -> list[str]:
    clients = {as_in_proc(*stream.local_address) for stream in opened}
    tables = await asyncio.gather(*(_connections(pod) for pod in behind))
    return [
        pod.key for pod, table in zip(behind, tables, strict=True) if not any(client in table for client in clients)
    ]


async def _anybody_listens(port: JsonObject, behind: list[KubernetesPod]) -> bool:
    """Whether a Pod behind a Service's port listens there; also where that cannot be told."""
    for pod in behind:
        number = objects.target_port(port, pod.manifest)
        table = await _connections(pod)
        if number is None or not table or listens(table, number):
            return True
    return False


def listens(table: str, port: int) -> bool:
    """Whether a socket of those of /proc/net/tcp or tcp6 takes connections at that port."""
    words = (line.split() for line in table.splitlines())
    return any(len(each) > 3 and each[3] == _LISTEN and each[1].endswith(f":{port:04X}") for each in words)


async def _connections(pod: KubernetesPod) -> str:
    """The Pod's TCP connections as /proc shows them; "" where its first container cannot."""
    command = ["cat", "/proc/net/tcp", "/proc/net/tcp6"]
    try:
        container = next(iter(pod.containers))
        api = pod.cluster.api
        result = await streams.execute(api, pod.actual_namespace, pod.name, container, command, b"", 10.0)
    except TakeoverError:
        return ""
    return result.stdout.decode(errors="replace")


def as_in_proc(ip: str, port: int) -> str:
    """An address as /proc/net/tcp shows it: the words of the address in the machine's byte order, in hexadecimal."""
    packed = ipaddress.ip_address(ip).packed
    words = [packed[start : start + 4][::-1].hex().upper() for start in range(0, len(packed), 4)]
    return f"{''.join(words)}:{port:04X}"
