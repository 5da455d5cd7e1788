"""What an Envoy's command line says of who it is goes with its config."""

import pytest

from takeover.scenario.places import who_it_is
from takeover.scenario.typed_yaml import Json


@pytest.mark.parametrize(
    ("container", "options"),
    [
        ({"command": ["envoy"], "args": ["-c", "a", "--service-node", "me", "-l", "info"]}, ("--service-node", "me")),
        ({"command": ["envoy", "--service-zone", 1, "--service-cluster", "c"]},
         ("--service-zone", "1", "--service-cluster", "c")),
        ({"args": ["--service-node"]}, ()),
        ({}, ()),
        ({"args": 5}, ()),
    ],
)  # fmt: skip
def test_the_options_are_found_wherever_they_stand(container: Json, options: tuple[str, ...]) -> None:
    pod = {"spec": {"containers": [{"name": "other", "args": ["--service-node", "x"]}, {"name": "envoy", **container}]}}
    assert who_it_is(pod, "envoy") == options


def test_what_is_no_pod_has_none() -> None:
    assert who_it_is({}, "envoy") == ()
