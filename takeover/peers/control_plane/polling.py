"""What is asked for again and again by HTTP instead of a stream (REST xDS): a POST for each type, answered at once."""

import json
from functools import partial

from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import json_format

from takeover.peers.control_plane import resources
from takeover.peers.control_plane.discovery import CDS, ECDS, EDS, LDS, RDS, RTDS, SDS, SRDS, Kind
from takeover.peers.control_plane.http_server import Asked, BadRequestError, Handler
from takeover.peers.control_plane.snapshots import Snapshots

_PATHS = {
    CDS: "clusters",
    EDS: "endpoints",
    LDS: "listeners",
    SRDS: "scoped-routes",
    RDS: "routes",
    SDS: "secrets",
    RTDS: "runtime",
    ECDS: "extension_configs",
}


def handlers(snapshots: Snapshots) -> dict[tuple[str, str], Handler]:
    """By method and path: those that serve what is in force."""
    return {("POST", f"/v3/discovery:{path}"): partial(_answer, snapshots, kind) for kind, path in _PATHS.items()}


async def _answer(snapshots: Snapshots, kind: Kind, asked: Asked) -> bytes:
    try:
        request = json_format.ParseDict(asked.body or {}, discovery_pb2.DiscoveryRequest(), ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise BadRequestError(f"the body is no DiscoveryRequest: {error}") from None
    state = snapshots.of(request.node.id).of_type(kind.url)
    names = set(request.resource_names)
    found = [each for name, each in state.resources.items() if name in names or (kind.is_whole and not names)]
    answer = {
        "version_info": state.version,
        "type_url": kind.url,
        "resources": [resources.written(each) for each in found],
    }
    return json.dumps(answer).encode()
