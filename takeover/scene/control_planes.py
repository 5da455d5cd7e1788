"""The control planes of a scene, and the way to their HTTP API: over their Pods' loopback, past every Envoy."""

from typing import TYPE_CHECKING

from takeover.engines.contract import Deployment
from takeover.evidence.control_plane_record import XdsEntry, read_record
from takeover.scenario.places import ControlPlanePlace, control_planes

if TYPE_CHECKING:
    import httpx


def control_planes_of(deployment: Deployment) -> list[ControlPlanePlace]:
    """Those that the scenario has."""
    return control_planes(deployment.scenario.objects())


def api_client(deployment: Deployment, place: ControlPlanePlace) -> "httpx.Client":
    """A client of one's API: use `with`. It is no client of the scene: no witness counts it."""
    from takeover.net import http

    return http.client(
        lambda *_: deployment.pod(place.pod).forward(place.api_port), base_url="http://control-plane.api"
    )


def record_of(deployment: Deployment, place: ControlPlanePlace, after: int = 0) -> list[XdsEntry]:
    """What one has recorded after that entry, of the last 20,000. Raises: httpx.HTTPError."""
    with api_client(deployment, place) as client:
        return read_record(client.get("/record", params={"after": after}).raise_for_status().content)
