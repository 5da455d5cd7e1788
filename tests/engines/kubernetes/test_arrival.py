"""When a Service is believed to work: every TCP port of it, at every Pod behind it."""

import asyncio
from typing import Any

import pytest

from takeover.engines.kubernetes import arrival, objects

SERVICE = {"spec": {"ports": [{"port": 80}, {"port": 81, "targetPort": "late"}, {"port": 53, "protocol": "UDP"}]}}
LISTENING = "  0: 00000000:{:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1"


MANIFEST = {"spec": {"containers": [{"name": "c", "ports": [{"name": "late", "containerPort": 8081}]}]}}


class FakePod:
    """Its own address answers or not, whatever becomes of the Service's."""

    key, ip = "web", "10.0.0.1"
    manifest = MANIFEST

    def __init__(self, answers: bool) -> None:
        self._answers = answers

    async def relay(self, *_: object) -> "FakePod":
        return self

    def connect(self, host: str, port: int, _: float) -> "FakePod":
        assert (host, port) == (self.ip, 8081)
        if not self._answers:
            raise ConnectionRefusedError("refused, too")
        return self

    def close(self) -> None: ...


class Reached:
    """Stands for the connections: the second port refuses for a while, or for ever."""

    def __init__(self, refusals: float) -> None:
        self.asked: list[int] = []
        self._refusals = refusals

    async def __call__(self, _relay: object, _address: str, port: int, _behind: object) -> list[str]:
        self.asked.append(port)
        if port == 81 and self.asked.count(81) <= self._refusals:
            raise ConnectionRefusedError("refused")
        return []


def waited(
    monkeypatch: pytest.MonkeyPatch, refusals: float, listening: int, timeout: float = 60.0, answers: bool = False
) -> list[int]:
    async def connections(_: object) -> str:
        return LISTENING.format(listening)

    reached, pod = Reached(refusals), FakePod(answers)
    scout: Any = pod
    monkeypatch.setattr(arrival, "_unseen_at", reached)
    monkeypatch.setattr(arrival, "_connections", connections)
    monkeypatch.setattr(arrival, "_UNSEEN_PATIENCE", 1.0)
    monkeypatch.setattr(arrival, "TIMEOUT", timeout)
    asyncio.run(arrival.wait(scout, "app", "10.96.1.1", SERVICE, [scout]))
    return reached.asked


def test_each_tcp_port_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = waited(monkeypatch, refusals=3, listening=8081)
    assert asked.count(80) == 1
    assert asked.count(81) == 4
    assert 53 not in asked


@pytest.mark.parametrize(
    ("answers", "told"), [(True, "itself answers at 8081"), (False, "itself at 8081: refused, too")]
)
def test_a_port_that_stays_refused_though_somebody_listens_is_told(
    monkeypatch: pytest.MonkeyPatch, answers: bool, told: str
) -> None:
    with pytest.raises(TimeoutError) as error:
        waited(monkeypatch, refusals=float("inf"), listening=8081, timeout=1.5, answers=answers)

    assert str(error.value) == f"Service app does not answer at port 81 from Pod web: refused; Pod web {told}"


def test_a_port_at_which_nobody_listens_need_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waited(monkeypatch, refusals=float("inf"), listening=8082).count(81) > 1


def test_a_service_without_ports_is_not_waited_for() -> None:
    pod: Any = FakePod(True)
    asyncio.run(arrival.wait(pod, "app", "None", {"spec": {"clusterIP": "None"}}, [pod]))


def test_who_listens_is_read_from_proc() -> None:
    established = LISTENING.replace(" 0A ", " 01 ").format(8081)
    assert arrival.listens(LISTENING.format(8081), 8081)
    assert not arrival.listens(established, 8081)
    assert not arrival.listens(LISTENING.format(8081), 8082)


@pytest.mark.parametrize(("port", "number"), [({"port": 80}, 80), ({"port": 1, "targetPort": 2}, 2)])
def test_where_a_port_leads(port: dict[str, Any], number: int) -> None:
    assert objects.target_port(port, MANIFEST) == number
    assert objects.target_port({"port": 1, "targetPort": "late"}, MANIFEST) == 8081
    assert objects.target_port({"port": 1, "targetPort": "no"}, MANIFEST) is None
