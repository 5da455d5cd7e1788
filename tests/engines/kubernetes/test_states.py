"""What is read from the states of Pods and EndpointSlices."""

from typing import Any

import pytest

from takeover.engines.kubernetes import arrival, container_states, watching


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "n"}, "status": status}


def container(name: str = "envoyproxy", **state: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "ready": False}


READY = {"type": "Ready", "status": "True"}


def test_ready_means_ready_and_not_being_deleted() -> None:
    assert watching.is_ready(pod(conditions=[READY]))
    assert not watching.is_ready(pod(conditions=[{**READY, "status": "False"}]))
    assert not watching.is_ready(pod())
    going = pod(conditions=[READY])
    going["metadata"]["deletionTimestamp"] = "now"
    assert not watching.is_ready(going)


@pytest.mark.parametrize(
    "reason",
    ["RunContainerError", "CreateContainerError", "CreateContainerConfigError"],
)
def test_a_wait_that_cannot_end_is_told_at_once(reason: str) -> None:
    waiting = {"reason": reason, "message": "why\nso"}
    told = container_states.hopeless(pod(containerStatuses=[container(waiting=waiting)]))
    assert told == f"container envoyproxy: {reason}: why so"


def test_a_container_that_ended_is_told_with_its_last_words() -> None:
    ended = {"exitCode": 1, "reason": "Error", "message": "x" * 1000 + "\nInvalid path\n"}
    told = container_states.hopeless(never(pod(containerStatuses=[container(terminated=ended)])))
    assert told is not None
    assert told.startswith("container envoyproxy exited with 1 (Error): ")
    assert told.endswith("x Invalid path")
    assert len(told) < 400


ONCE = {"terminated": {"exitCode": 3, "reason": "Error"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}


def never(found: dict[str, Any]) -> dict[str, Any]:
    """The Pod, with containers that are never started again."""
    return {**found, "spec": {"restartPolicy": "Never"}}


@pytest.mark.parametrize(
    ("state", "restarts", "before", "is_hopeless"),
    [
        (ONCE, 0, 0, False),  # it is about to be started again
        ({"running": {}}, 1, 0, False),
        (BACK_OFF, 1, 0, True),
        ({"running": {}}, 2, 0, True),
        ({"running": {}}, 7, 7, False),  # long before
        (ONCE, 7, 7, False),
        (BACK_OFF, 8, 7, True),
        ({"running": {}}, 9, 7, True),
    ],
)
def test_a_container_may_end_once_while_it_is_waited_for(
    state: dict[str, Any], restarts: int, before: int, is_hopeless: bool
) -> None:
    last = {"lastState": ONCE} if restarts else {}
    entry = {"name": "main", "state": state, "restartCount": restarts, **last}
    told = container_states.hopeless(pod(containerStatuses=[entry]), before={"main": before})
    assert told == ("container main exited with 3 (Error)" if is_hopeless else None)


@pytest.mark.parametrize(("policy", "code", "told"), [("Never", 0, "0"), ("OnFailure", 0, "0"), ("OnFailure", 1, None)])
def test_what_is_not_started_again_has_ended_for_good(policy: str, code: int, told: str | None) -> None:
    found = pod(containerStatuses=[container(terminated={"exitCode": code})])
    said = container_states.hopeless({**found, "spec": {"restartPolicy": policy}})
    assert said == (told and f"container envoyproxy exited with {told} (ended)")


def test_an_added_container_is_never_started_again() -> None:
    added = pod(ephemeralContainerStatuses=[container("takeover-relay", terminated={"exitCode": 1})])
    assert container_states.hopeless(added, "takeover-relay") == "container takeover-relay exited with 1 (ended)"


def test_an_init_container_may_end_but_not_fail() -> None:
    assert container_states.hopeless(pod(initContainerStatuses=[container("init", terminated={"exitCode": 0})])) is None
    told = container_states.hopeless(pod(initContainerStatuses=[container("init", terminated={"exitCode": 4})]))
    assert told == "container init exited with 4 (ended)"


def test_a_pod_that_was_evicted_is_told() -> None:
    assert container_states.hopeless(pod(phase="Failed", reason="Evicted", message="no room")) == "Evicted: no room"


TERMINATED = {"terminated": {"exitCode": 139}}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"state": {"running": {}}, "lastState": {}, "restartCount": 0}, None),
        ({"state": TERMINATED, "lastState": {}, "restartCount": 0}, (139, 1, False)),
        ({"state": {"running": {}}, "lastState": TERMINATED, "restartCount": 1}, (139, 1, True)),
        (
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": TERMINATED, "restartCount": 1},
            (139, 2, False),
        ),
    ],
    ids=["never", "once", "runs again", "is to run again"],
)
def test_how_a_container_ended_last(entry: dict[str, Any], told: object) -> None:
    other = {"name": "nginx", "state": TERMINATED, "restartCount": 7}
    assert (
        container_states.last_end(pod(containerStatuses=[other, {"name": "envoyproxy", **entry}]), "envoyproxy") == told
    )


def test_starting_is_not_hopeless() -> None:
    assert container_states.hopeless(pod(containerStatuses=[container(waiting={"reason": "PodInitializing"})])) is None
    assert container_states.hopeless(pod()) is None


def test_the_account_names_what_is_not_done() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}
    seen = pod(
        phase="Pending",
        conditions=[unscheduled],
        initContainerStatuses=[container("init", running={})],
        containerStatuses=[container(waiting={"reason": "PodInitializing"}), container("nginx", running={})],
    )
    assert watching.account(seen) == (
        "phase Pending, not scheduled: 0/1 nodes, init (init) still runs, envoyproxy waits: PodInitializing, "
        "nginx runs but is not ready"
    )


def test_the_ready_addresses_of_a_service() -> None:
    def piece(namespace: str, service: str, ready: bool, *addresses: str) -> dict[str, Any]:
        metadata = {"namespace": namespace, "labels": {"kubernetes.io/service-name": service}}
        return {"metadata": metadata, "endpoints": [{"addresses": list(addresses), "conditions": {"ready": ready}}]}

    slices = [
        piece("n", "app", True, "10.0.0.1"),
        piece("n", "app", True, "10.0.0.2"),
        piece("n", "app", False, "10.0.0.3"),
        piece("n", "other", True, "10.0.0.4"),
        piece("m", "app", True, "10.0.0.5"),
        {"metadata": {"namespace": "n", "labels": {"kubernetes.io/service-name": "app"}}, "endpoints": None},
    ]
    assert watching.ready_addresses(slices, "n", "app") == {"10.0.0.1", "10.0.0.2"}


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({}, "no ports: no endpoints"),
        ({"ports": [{"name": "http", "port": 80}, {"name": "", "port": 81}]}, "http 80, port 81: no endpoints"),
        (
            {
                "endpoints": [
                    {"addresses": ["10.0.0.1", "fd00::1"], "conditions": {"ready": True, "terminating": False}},
                    {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
                    {"addresses": ["10.0.0.3"]},
                ]
            },
            "no ports: 10.0.0.1 (ready), fd00::1 (ready), 10.0.0.2 (not ready), 10.0.0.3 (not ready)",
        ),
    ],
)
def test_what_is_behind_a_service_is_told_in_a_line(parts: dict[str, Any], line: str) -> None:
    metadata = {"namespace": "n", "labels": {"kubernetes.io/service-name": "app"}}
    assert watching.endpoints({"metadata": metadata, **parts}) == f"n/app: {line}"


def test_an_address_as_proc_shows_it() -> None:
    assert arrival.as_in_proc("10.244.0.13", 51096) == "0D00F40A:C798"
    assert arrival.as_in_proc("::1", 80) == "00000000000000000000000001000000:0050"
