"""The control planes of a scene, and the way to their HTTP API: over their Pods' loopback, past every Envoy."""

import httpx

from takeover.evidence.control_plane_record import XdsEntry, read_record
from takeover.net import http
from takeover.scenario.places import ControlPlanePlace, control_planes
from takeover.scene.scene import Scene


def control_planes_of(scene: Scene) -> list[ControlPlanePlace]:
    """Those that the scenario has."""
    return control_planes(scene.deployment.scenario.objects())


def api_client(scene: Scene, place: ControlPlanePlace) -> httpx.Client:
    """A client of one's API: use `with`. It is no client of the scene: no witness counts it."""
    return http.client(lambda *_: scene.pod(place.pod).forward(place.api_port), base_url="http://control-plane.api")


def record_of(scene: Scene, place: ControlPlanePlace) -> list[XdsEntry]:
    """All that one has recorded, of the last 20,000 entries. Raises: httpx.HTTPError."""
    with api_client(scene, place) as client:
        return read_record(client.get("/record").raise_for_status().content)
