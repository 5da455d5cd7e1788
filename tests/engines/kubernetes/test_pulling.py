"""Images that a cluster does not get: bad input or a loss, never a verdict."""

from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import BadInputError, LostError, TakeoverError
from takeover.engines.kubernetes import KubernetesEngine, pulling
from takeover.engines.kubernetes.images import Images
from takeover.scenario.library import Library
from tests.engines.kubernetes.fake_cluster import FakeCluster
from tests.engines.kubernetes.fake_server import kubeconfig, serving
from tests.engines.kubernetes.real_cluster import RELEASE

NOT_FOUND = 'failed to resolve reference "docker.io/nginx:0": not found'


def waiting(reason: str, message: str = NOT_FOUND, image: str = "nginx:0", name: str = "nginx") -> dict[str, Any]:
    return {"name": name, "image": image, "state": {"waiting": {"reason": reason, "message": message}}}


def told(**status: Any) -> TakeoverError | None:
    return pulling.why_not({"metadata": {"name": "p"}, "status": status}, "s: Pod p")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (waiting("ErrImagePull"), f"ErrImagePull: {NOT_FOUND}; the cluster cannot get the image nginx:0"),
        (waiting("ImagePullBackOff", "Back-off\npulling"), "ImagePullBackOff: Back-off pulling; the cluster cannot"),
        (waiting("InvalidImageName"), "load it there, or name another one (--image nginx=REFERENCE)"),
        (waiting("ImageInspectError"), "container nginx: ImageInspectError: "),
        (waiting("SignatureValidationFailed"), "container nginx: SignatureValidationFailed: "),
        (waiting("ErrImagePull", "lookup registry.exmaple on 10.0.0.2:53: no such host"), "no such host; the cluster"),
        (waiting("ErrImagePull", image="docker.io/envoyproxy/envoy:v9.9.9"), "(--image envoy=REFERENCE)"),
        (
            waiting("ErrImagePull", "timeout/eof:502: not found", "timeout/eof:502"),
            "cannot get the image timeout/eof:502",
        ),
        (waiting("ErrImagePull", image="mine/app:3"), "mine/app:3: load it there, or name another one (--image, or"),
    ],
)
def test_an_image_that_cannot_be_had_is_bad_input(entry: dict[str, Any], said: str) -> None:
    error = told(containerStatuses=[entry])
    assert isinstance(error, BadInputError)
    assert str(error).startswith("s: Pod p, container nginx: ")
    assert said in str(error)


@pytest.mark.parametrize(
    "message",
    [
        "unexpected status code 429 Too Many Requests - toomanyrequests: You have reached your pull rate limit.",
        "dial tcp 10.0.0.9:443: i/o timeout",
        "dial tcp 10.0.0.9:443: connect: connection refused",
        "unexpected status from GET request to https://r.example/v2/: 503 Service Unavailable",
        "net/http: TLS handshake timeout",
        "lookup r.example on 10.0.0.2:53: server misbehaving",
        "pull QPS exceeded",
    ],
)
def test_a_registry_that_is_away_or_full_is_a_loss(message: str) -> None:
    error = told(initContainerStatuses=[waiting("ErrImagePull", message)])
    assert isinstance(error, LostError)
    assert message in str(error)
    assert "load it there, or name another one" in str(error)


@pytest.mark.parametrize(("message", "kind"), [(NOT_FOUND, BadInputError), ("i/o timeout", LostError)])
def test_a_scenario_whose_image_is_missing_is_not_judged(tmp_path: Path, message: str, kind: type) -> None:
    def state(pod: dict[str, Any]) -> dict[str, Any]:
        lacks = [waiting("ErrImagePull", message, each["image"], each["name"]) for each in pod["spec"]["containers"]]
        return {"phase": "Pending", "containerStatuses": lacks}

    with serving(FakeCluster(state=state).answer) as port:
        engine = KubernetesEngine(kubeconfig=kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}"))
        with pytest.raises(TakeoverError, match=f"outbound-block-all: Pod .*: ErrImagePull: {message}") as caught:
            engine.deploy(Library.bundled().scenario("outbound-block-all"), RELEASE)
        engine._disconnect()
    assert type(caught.value) is kind


def test_what_waits_for_something_else_lacks_no_image() -> None:
    assert told() is None
    assert told(containerStatuses=[waiting("ContainerCreating"), {"name": "a", "state": {"running": {}}}]) is None


def test_only_the_container_that_is_asked_for_counts() -> None:
    pod = {"status": {"containerStatuses": [waiting("ErrImagePull")]}}
    assert pulling.why_not(pod, "Pod p", "takeover-relay") is None
    pod = {"status": {"ephemeralContainerStatuses": [waiting("ErrImagePull", name="takeover-relay")]}}
    assert isinstance(pulling.why_not(pod, "Pod p", "takeover-relay"), BadInputError)


@pytest.mark.parametrize("registry", ["", "docker.io/"])
def test_that_our_own_image_lacks_is_told_with_the_command_that_builds_it(registry: str) -> None:
    image = Images({}, "1.40.0").of_role("peers")
    lacks = waiting("ErrImageNeverPull", "not present", registry + image, "python")
    error = str(told(containerStatuses=[lacks]))
    assert error.startswith(
        f"s: Pod p, container python: ErrImageNeverPull: not present; build it: docker build -t {image} "
    )
    assert f" -t {image} " in error
    then = f"kind load docker-image {image}"
    assert error.endswith(f"takeover/peers (then, for a cluster of kind: {then}), or --image peers=REFERENCE")
