"""What the test process asks of a scenario's node, and what the node answers where that is more than a number."""

from typing import Literal, get_args

import msgspec

from takeover.engines.local.inside.runtime import Image
from takeover.model.json import JsonObject


class Request(msgspec.Struct, frozen=True, tag_field="do"):
    """A Pod is named `NAMESPACE/NAME`."""


class Apply(Request, frozen=True, tag="apply"):
    """Takes Kubernetes objects, and what stands behind their image references."""

    documents: list[JsonObject]
    images: dict[str, Image]


class Status(Request, frozen=True, tag="status"):
    """Asks for a `NodeStatus`."""


class Restart(Request, frozen=True, tag="restart"):
    """Ends a Pod and makes it again."""

    pod: str


class Remove(Request, frozen=True, tag="remove"):
    """Ends a Pod, to which no Service leads any more then."""

    pod: str


class Log(Request, frozen=True, tag="log"):
    """Asks for the open file of a container's log.

    Args:
        previous: whether of the time before it was started again.
    """

    pod: str
    container: str
    previous: bool = False


class Process(Request, frozen=True, tag="process"):
    """Asks for the inode of a container's PID namespace: what a process is found by from outside of the node."""

    pod: str
    container: str


class Sockets(Request, frozen=True, tag="sockets"):
    """Asks for TCP sockets made in a Pod: as the container's user, or as root of the Pod's network for None.

    Connected from wherever, they are clients there.

    Args:
        is_6: whether they are of IPv6.
    """

    pod: str
    container: str | None
    number: int
    is_6: bool = False


class Resolve(Request, frozen=True, tag="resolve"):
    """Asks for the address of a name, by the files of the container, or of the node for None."""

    pod: str
    container: str | None
    host: str


class Execute(Request, frozen=True, tag="execute"):
    """Runs a command in a container; its standard streams come with it."""

    pod: str
    container: str
    command: list[str]


class ExecuteInNetwork(Request, frozen=True, tag="execute_in_network"):
    """Runs a command of the root file system in a Pod's network; its standard streams come with it."""

    pod: str
    command: list[str]


AnyRequest = Apply | Status | Restart | Remove | Log | Process | Sockets | Resolve | Execute | ExecuteInNetwork
_REQUESTS: dict[str, type[AnyRequest]] = {str(each.__struct_config__.tag): each for each in get_args(AnyRequest)}


class ContainerStatus(msgspec.Struct, frozen=True):
    """How a container is.

    Args:
        exit_code: the last one, also of a container that was started again; None if it never ended.
        probe: what its readiness probe saw last; "" if it has none.
    """

    state: Literal["waiting", "running", "exited"]
    exit_code: int | None
    restarts: int
    ready: bool
    probe: str


class PodStatus(msgspec.Struct, frozen=True):
    """How a Pod is, its init containers among the `containers`."""

    ip: str
    ready: bool
    containers: dict[str, ContainerStatus]


class NodeStatus(msgspec.Struct, frozen=True):
    """How the node's Pods and Services are.

    Args:
        pods: `NAMESPACE/NAME` → status.
        services: `NAMESPACE/NAME` → ClusterIP.
        services_without_endpoints: `NAMESPACE/NAME:PORT` each.
    """

    pods: dict[str, PodStatus]
    services: dict[str, str]
    services_without_endpoints: list[str]


def request_of(message: JsonObject) -> AnyRequest:
    """The request that came as JSON."""
    # By its type: of the whole union, msgspec would make itself a picture each time.
    return msgspec.convert(message, _REQUESTS[message["do"]])


# Has msgspec look at all of these now: two threads must not be the first to, and what is forked need not.
for _each in (AnyRequest, NodeStatus):
    msgspec.json.Decoder(_each)
