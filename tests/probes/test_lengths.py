"""Lengths of what holds addresses are the same whatever addresses an engine gives; nothing else is touched."""

from types import SimpleNamespace
from typing import Any

import pytest

from takeover.model.document import LogEntry, Observation
from takeover.probes.normal_form import Normaliser

SHORT = {"outpod": "10.244.0.2", "web": "10.244.0.3", "service": "10.96.1.1"}
LONG = {"outpod": "10.244.12.131", "web": "10.244.0.43", "service": "10.107.142.216"}


def normal(observed: Observation, addresses: dict[str, str]) -> Observation:
    service = {"metadata": {"name": "app", "namespace": "default"}, "spec": {}}
    pods = {name: SimpleNamespace(ip=addresses[name]) for name in ("outpod", "web")}
    deployment: Any = SimpleNamespace(
        pods=pods,
        scenario=SimpleNamespace(unbound_services=lambda: [service], config_files=dict, objects=list),
        service_ip=lambda _: addresses["service"],
        config_id="0123abcd",
    )
    return Normaliser(deployment).observation(observed)


def text(addresses: dict[str, str]) -> str:
    return "client: {outpod}:40123\nserver: {web}:80\nhost: {service}\n".format(**addresses)


def answer(body: str, more: str = "") -> str:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}"


def http(addresses: dict[str, str], by_the_tcp_proxy: bool) -> Observation:
    body = text(addresses)
    sent = len(answer(body, "X-B: c\r\n")) if by_the_tcp_proxy else len(body)
    headers = [("Content-Length", str(len(body))), ("X-B", "c")]
    return Observation(200, "OK", "HTTP/1.1", headers, body, log=[{"bytes_sent": sent, "bytes_received": 12}])


def raw(addresses: dict[str, str], by_the_tcp_proxy: bool) -> Observation:
    first, second = text(addresses), "server: {web}\n".format(**addresses)
    all_of_it = answer(first) + answer(second, "Connection: close\r\n")
    sent = [len(all_of_it)] if by_the_tcp_proxy else [len(first), len(second)]
    return Observation(None, body=all_of_it, log=[{"bytes_sent": each} for each in sent])


@pytest.mark.parametrize("observed", [http, raw])
@pytest.mark.parametrize("by_the_tcp_proxy", [True, False])
def test_lengths_do_not_depend_on_addresses(observed: Any, by_the_tcp_proxy: bool) -> None:
    short, long = observed(SHORT, by_the_tcp_proxy), observed(LONG, by_the_tcp_proxy)
    assert short.log != long.log

    assert normal(long, LONG) == normal(short, SHORT)


def test_the_local_engines_lengths_stay_as_they_are() -> None:
    found = normal(http(SHORT, True), SHORT)

    assert found.headers == http(SHORT, True).headers
    assert found.log == http(SHORT, True).log


@pytest.mark.parametrize(
    "entry", [{"bytes_sent": 5}, {"bytes_sent": 0}, {"bytes_sent": None}, {"bytes_received": len(text(LONG))}, {}]
)
def test_what_counts_something_else_stays(entry: LogEntry) -> None:
    observed = Observation(200, headers=[("content-length", "5"), ("x-length", "9")], body=text(LONG), log=[entry])

    found = normal(observed, LONG)

    assert found.headers == observed.headers
    assert found.log == [entry]


@pytest.mark.parametrize("head", ["Content-Length: 900\r\n\r\n", "Content-Length: 5\n\n", "Content-Length: x\r\n\r\n"])
def test_a_length_in_a_body_that_is_not_followed_by_so_much_stays(head: str) -> None:
    assert normal(Observation(None, body=head + text(LONG)), LONG).body.startswith(head)


@pytest.mark.parametrize("number", ["9", "374026754657296908", "18446744073709551615"])
def test_a_number_of_chance_counts_as_if_it_had_all_its_digits(number: str) -> None:
    body = f"GET / HTTP/1.1\r\nx-datadog-trace-id: {number}\r\nx-other-id: 7\r\n"
    headers = [("content-length", str(len(body)))]
    observed = Observation(200, "OK", "HTTP/1.1", headers, body, log=[{"bytes_sent": len(body)}])
    found = normal(observed, SHORT)
    whole = len(body) - len(number) + 20
    assert (found.headers, found.log[0]["bytes_sent"]) == ([("content-length", str(whole))], whole)
