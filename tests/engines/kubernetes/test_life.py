"""The signs by which a run is known to live: without a cluster, and on a real one."""

import asyncio
from typing import Any

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import TakeoverError
from takeover.engines.kubernetes import life, objects
from takeover.engines.kubernetes.life import Life
from takeover.scenario.library import Library
from tests.engines.kubernetes.real_cluster import RELEASE, asking, needed, new_engine


class FakeApi:
    def __init__(self) -> None:
        self.signed: list[str] = []
        self.values: list[str] = []

    async def merge(self, path: str, body: dict[str, Any]) -> None:
        self.signed.append(path.rpartition("/")[2])
        self.values.append(body["metadata"]["annotations"][objects.ALIVE])
        if len(self.signed) == 1:
            raise TakeoverError("the API server does not answer any more")


def test_a_namespace_gets_its_signs_until_it_goes_also_when_one_is_lost() -> None:
    api: Any = FakeApi()

    async def run() -> int:
        speaker = Life(api, every=0.02)
        speaking = asyncio.create_task(speaker.speak())
        speaker.begin("a")
        while len(api.signed) < 3:
            await asyncio.sleep(0.001)
        speaker.end("a")
        told = len(api.signed)
        await asyncio.sleep(0.1)
        assert not speaking.done()
        speaking.cancel()
        return told

    assert asyncio.run(asyncio.wait_for(run(), 60)) == len(api.signed)
    assert set(api.signed) == {"a"}
    assert len(set(api.values)) == len(api.values)  # one that changes nothing, the server would not note


@needed
def test_a_clusters_own_clock_notes_each_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Life.__init__, "__defaults__", (0.5,))
    engine = new_engine()
    deployment = engine.deploy(Library.bundled().scenario("inbound-interception"), RELEASE)
    path = f"/api/v1/namespaces/takeover-{engine.run_id}-1-default"
    try:
        with asking() as ask:
            first = ask(lambda api: api.get(path))

            def is_noted_again() -> bool:
                return bool(life.last_sign(ask(lambda api: api.get(path))) > life.last_sign(first))

            waiting = retry_if_result(lambda noted: not noted)
            Retrying(retry=waiting, stop=stop_after_delay(300), wait=wait_fixed(0.2))(is_noted_again)
            assert abs((ask(lambda api: api.time()) - life.last_sign(ask(lambda api: api.get(path)))).seconds) < 300
        deployment.delete()
    finally:
        engine.close()
