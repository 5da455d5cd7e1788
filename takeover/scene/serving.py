"""Whether each Envoy of a scene serves what was deployed, and is the one that is to be tested."""

import contextlib
from collections.abc import Iterator

from takeover.base.errors import BadInputError, DeploymentError
from takeover.base.paths import display_path
from takeover.engines.contract import Deployment
from takeover.envoy.admin import Admin
from takeover.envoy.rejection import rejection
from takeover.model.release import Release, ServerInfo
from takeover.scenario.loader import Scenario
from takeover.scenario.places import EnvoyPlace

# The counters of what Envoy could not use. An update also fails where a control plane is not there yet, and a cluster's
# where a name does not resolve.
_ANY = r"\.update_rejected$|^server\.dynamic_unknown_fields$"
_REFUSED = {"file": rf"{_ANY}|(\.[lcr]ds\b.*|^sds\..+)\.update_failure$", "ads": _ANY, "delta-ads": _ANY}


def must_have_taken_all(scenario: Scenario, admin: Admin) -> None:
    """Raises: DeploymentError for an Envoy that serves without a part of what was delivered to it."""
    if wrong := _REFUSED.get(scenario.delivery):
        refused = [name for name, number in admin.stats(wrong).items() if number]
        if refused:
            raise DeploymentError(f"Envoy does not take what is delivered to it ({', '.join(refused)})")


def must_be(release: Release, deployment: Deployment, place: EnvoyPlace, info: ServerInfo) -> None:
    """Raises: BadInputError for an Envoy of another version than that which is to be tested."""
    if info.version != release.reported_version:
        image = deployment.pod(place.pod).container(place.container).image
        raise BadInputError(
            f"scenario {deployment.scenario.name}: {place.pod}/{place.container} (image {image}) runs "
            f"Envoy {info.version} (commit {info.commit}), not {release.reported_version}, as --envoy "
            f"{release.name} says: name what runs, or give the image of {release.name} "
            "(--image envoy=REFERENCE)"
        )


@contextlib.contextmanager
def rejections_told(scenario: Scenario) -> Iterator[None]:
    """A deployment that fails because Envoy rejects its config fails with Envoy's words and the place in our file."""
    try:
        yield
    except DeploymentError as error:
        for place in scenario.envoys:
            file = scenario.config_path(place.config)
            name = f"{place.pod}/{place.container}"
            log = error.details.get(f"log of {name}", "")
            rejected = rejection(log, file.read_text(encoding="utf-8"))
            if rejected is None:
                continue
            where = f"{display_path(file)}:{rejected.line}" if rejected.line else display_path(file)
            message = f"scenario {scenario.name}: Envoy rejects {where}: {rejected.what}"
            code = error.exit_code if error.container == name else None
            raise DeploymentError(message, error.details, name, code) from None
        raise
