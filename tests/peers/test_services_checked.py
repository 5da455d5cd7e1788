"""Hosts that are well and ill by turns, and what waits until Envoy counts so: by clients that others wrote."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import pytest

from takeover.peers.services import admin, health, redis, serving
from tests.peers.upstream import Upstream


@pytest.fixture
def client(services: Upstream) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{services.place(serving.PORT)}", trust_env=False, timeout=60) as made:
        yield made


def test_answers_come_one_after_the_other_and_the_last_one_goes_on(client: httpx.Client) -> None:
    path = "/checked/200.503.404/turns"
    assert [client.get(path).status_code for _ in range(5)] == [200, 503, 404, 404, 404]


def test_all_begins_anew_with_the_next_probe(services: Upstream, client: httpx.Client) -> None:
    path = "/checked/200.503/anew"
    assert [client.get(path).status_code for _ in range(2)] == [200, 503]
    services.control(b"end\n")
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("word", "header", "value"),
    [
        ("degraded", "x-envoy-degraded", "true"),
        ("fail", "x-envoy-immediate-health-check-fail", "true"),
        ("of-app", "x-envoy-upstream-healthchecked-cluster", "app"),
        ("closing", "connection", "close"),
    ],
)
def test_a_word_is_a_header(client: httpx.Client, word: str, header: str, value: str) -> None:
    answer = client.get(f"/checked/{word}/header")
    assert (answer.status_code, answer.headers[header]) == (200, value)


@pytest.mark.parametrize("word", ["close", "reset"])
def test_a_connection_ends_without_an_answer(client: httpx.Client, word: str) -> None:
    with pytest.raises(httpx.TransportError):
        client.get(f"/checked/{word}/ended")


def test_what_is_held_comes_once_it_is_asked_by_put(client: httpx.Client) -> None:
    path = "/checked/held-503.200/held"
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(client.get, path)
        with pytest.raises(TimeoutError):
            held.result(0.05)
        assert client.put(path).status_code == 204
        assert held.result(60).status_code == 503
    assert client.get(path).status_code == 200


def test_a_head_has_no_body_and_each_way_of_asking_is_told_once(client: httpx.Client) -> None:
    for method in ("HEAD", "GET", "GET"):
        assert client.request(method, "/checked/200/asked", headers={"x-how": method}).status_code == 200
    told = list(map(json.loads, client.get("/asked/asked").text.splitlines()))
    assert [(each["method"], each["headers"]["x-how"]) for each in told] == [("HEAD", "HEAD"), ("GET", "GET")]


def test_a_service_of_grpc_is_a_question_too(services: Upstream) -> None:
    service = b"checked/SERVING.NOT_SERVING.status-14.stall/a"
    question = b"\x0a" + bytes([len(service)]) + service
    with grpc.insecure_channel(services.place(serving.PORT)) as channel:
        ask = channel.unary_unary(health.CHECK, bytes, bytes)
        assert [ask(question) for _ in range(2)] == [b"\x08\x01", b"\x08\x02"]
        for status, timeout in ((grpc.StatusCode.UNAVAILABLE, 60), (grpc.StatusCode.DEADLINE_EXCEEDED, 0.2)):
            with pytest.raises(grpc.RpcError) as caught:
                ask(question, timeout=timeout)
            assert caught.value.code() == status


def test_a_key_of_redis_is_a_question_too(services: Upstream) -> None:
    key = b"checked/0.1.error.close/a"
    with services.connect(redis.PORT) as asking:
        for answer in (b":0\r\n", b":1\r\n", b"-ERR of this key\r\n", b""):
            asking.sendall(b"*2\r\n$6\r\nEXISTS\r\n$%d\r\n%s\r\n" % (len(key), key))
            assert asking.recv(100) == answer


class Counting:
    """Something like an Envoy, whose statistic is one more each time that it is asked."""

    def __init__(self, chunked: bool) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._chunked = chunked
        self.address: tuple[str, int] = self._listening.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for count in range(1000):
            try:
                asking, _ = self._listening.accept()
            except OSError:
                return
            with asking:
                asking.recv(1000)
                body = b"a.b: %d\n" % count
                if self._chunked:
                    asking.sendall(
                        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
                        % (len(body), body)
                    )
                else:
                    asking.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + body)

    def close(self) -> None:
        self._listening.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_it_waits_until_envoy_counts_so(monkeypatch: pytest.MonkeyPatch, chunked: bool) -> None:
    envoy = Counting(chunked)
    monkeypatch.setattr(admin, "ADMIN", envoy.address)
    assert admin.awaited({"a.b": "3"}, "^a", 60) == (True, "a.b: 4\n")
    assert admin.awaited({"a.b": "3"}, "", 0.05) == (False, "")
    envoy.close()
