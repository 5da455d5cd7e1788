"""Which ends of containers keep a deployment from being up, of new Pods and of those that were there."""

import asyncio
from typing import Any

import pytest

from takeover.engines.kubernetes.objects import Naming
from takeover.engines.kubernetes.readiness import Readiness, _HopelessError

ENDED = {"terminated": {"exitCode": 3, "reason": "Error"}}


class Seen:
    """A watch that has seen the Pods as they are, and looks once."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}

    def find(self, uid: str) -> dict[str, Any] | None:
        return self.pods.get(uid)

    async def until(self, look: Any, *_: Any) -> None:
        assert look(list(self.pods.values()))

    def has(self, name: str, restarts: int) -> None:
        last = ENDED if restarts else {}
        main = {"name": "main", "ready": True, "restartCount": restarts, "state": {"running": {}}, "lastState": last}
        ready = {"type": "Ready", "status": "True"}
        self.pods[name] = {
            "metadata": {"name": name, "namespace": "n", "uid": name},
            "status": {"conditions": [ready], "containerStatuses": [main], "podIP": "10.0.0.1"},
        }


class APod:
    actual_namespace, ip_now = "n", ""

    def __init__(self, name: str) -> None:
        self.name = self.key = self.uid = name


@pytest.mark.parametrize(("before", "later"), [(0, 0), (0, 1), (0, 2), (1, 9)])
def test_what_a_pod_did_before_is_no_failure_of_what_is_made_later(before: int, later: int) -> None:
    watch = Seen()
    api: Any = None
    seen: Any = watch
    readiness = Readiness(api, Naming("run", 1, "s"), "s", 60, seen)
    server: Any = APod("server")
    client: Any = APod("client")

    async def deploy_and_make_another() -> None:
        watch.has("server", before)
        await readiness._wait_for_pods([server])
        watch.has("server", later)
        watch.has("client", 0)
        await readiness._wait_for_pods([server, client])

    asyncio.run(deploy_and_make_another())


def test_a_new_pod_that_ends_again_and_again_is_hopeless() -> None:
    watch = Seen()
    api: Any = None
    seen: Any = watch
    server: Any = APod("server")
    watch.has("server", 2)
    readiness = Readiness(api, Naming("run", 1, "s"), "s", 60, seen)
    with pytest.raises(_HopelessError, match=r"Pod server, container main exited with 3") as caught:
        asyncio.run(readiness._wait_for_pods([server]))
    assert (caught.value.container, caught.value.exit_code) == ("server/main", 3)
