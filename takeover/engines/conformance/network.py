"""What every engine must do with traffic: connections, names, Services, the rules of a Pod's network."""

import contextlib
import hashlib
import os
import re
import socket
from collections import Counter

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.engines.conformance.contract import Contract
from takeover.engines.contract import Container, Deployment
from takeover.net.stream import ByteStream

_MIB = 1 << 20
_GET = b"GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


def _rest(stream: ByteStream) -> bytes:
    received = bytearray()
    while chunk := stream.receive(_MIB):
        received += chunk
    return bytes(received)


def _answer(container: Container, host: str, port: int, path: str = "/") -> str:
    """The body of the answer to one GET over a connection of its own."""
    with contextlib.closing(container.connect(host, port)) as stream:
        stream.send(_GET % path.encode())
        return _rest(stream).partition(b"\r\n\r\n")[2].decode()


def _resets(container: Container) -> int:
    """How many open connections of the container's Pod were reset so far, by either side."""
    names, values = (
        line.split() for line in container.exec(["cat", "/proc/net/snmp"]).stdout.splitlines() if line[:4] == b"Tcp:"
    )
    return int(values[names.index(b"EstabResets")])


class NetworkContract(Contract):
    """Connections, names, Services and rules.

    See `takeover.engines.conformance` for what they need.
    """

    def test_ten_mebibytes_come_out(self, workshop: Deployment, main: Container) -> None:
        data = os.urandom(10 * _MIB)
        assert main.exec(["sh", "-c", "cat >/work/big"], stdin=data).exit_code == 0

        client = workshop.pod("one/app-a").container("web")
        with contextlib.closing(client.connect(workshop.pod("tools").ip, 8080)) as stream:
            stream.send(_GET % b"/work/big")
            body = _rest(stream).partition(b"\r\n\r\n")[2]

        assert hashlib.sha256(body).digest() == hashlib.sha256(data).digest()

    def test_ten_mebibytes_go_in(self, workshop: Deployment, main: Container) -> None:
        data = os.urandom(10 * _MIB)
        client = workshop.pod("one/app-a").container("web")
        with contextlib.closing(client.connect(workshop.pod("tools").ip, 8080)) as stream:
            stream.send(b"POST /keep HTTP/1.0\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(data))
            stream.send(data)
            assert _rest(stream).startswith(b"HTTP/1.1 200 ")

        kept = main.exec(["sh", "-c", "sha256sum /work/kept/*"]).stdout.split()
        assert kept[0].decode() == hashlib.sha256(data).hexdigest()

    def test_after_our_end_is_closed_the_other_still_answers(self, main: Container) -> None:
        with contextlib.closing(main.connect("127.0.0.1", 8080)) as stream:
            stream.send(_GET % b"/")
            stream.end()
            assert _rest(stream).endswith(b"tools\n")

    def test_the_server_notices_that_our_end_is_closed(self, main: Container) -> None:
        with contextlib.closing(main.connect("127.0.0.1", 8080)) as stream:
            stream.send(b"GET / HT")
            stream.end()
            # It would wait for the rest of the line for a minute.
            assert _rest(stream) == b""

    def test_a_connection_tells_the_address_that_its_server_sees(self, workshop: Deployment) -> None:
        pod = workshop.pod("one/app-a")
        with contextlib.closing(pod.container("web").connect(workshop.pod("tools").ip, 8080)) as stream:
            ip, port = stream.local_address

        assert ip == pod.ip
        assert port > 0

    def test_a_connection_comes_from_the_address_of_the_pods_that_is_named(self, main: Container) -> None:
        with contextlib.closing(main.connect("127.0.0.1", 8080, source_address="127.0.0.7")) as stream:
            assert stream.local_address[0] == "127.0.0.7"
            stream.send(_GET % b"/")
            assert _rest(stream).endswith(b"tools\n")

    def test_no_connection_comes_from_an_address_that_the_pod_does_not_have(self, main: Container) -> None:
        with pytest.raises(OSError, match=r"it cannot come from 192\.0\.2\.1"):
            main.connect("127.0.0.1", 8080, source_address="192.0.2.1")

    def test_a_stream_that_nothing_comes_from_times_out_and_goes_on(self, main: Container) -> None:
        with contextlib.closing(main.connect("127.0.0.1", 8080)) as stream:
            with pytest.raises(TimeoutError):
                stream.receive(1, timeout=0.05)
            stream.send(_GET % b"/")
            assert _rest(stream).endswith(b"tools\n")
            stream.close()

    def test_a_reset_is_no_end(self, workshop: Deployment) -> None:
        client = workshop.pod("one/app-a").container("web")
        with contextlib.closing(client.connect(workshop.pod("tools").ip, 7070)) as stream:
            stream.send(_GET % b"/")
            with pytest.raises(ConnectionResetError):
                stream.receive(1)

    def test_who_resets_does_not_end_in_order(self, workshop: Deployment, main: Container) -> None:
        client, ip = workshop.pod("one/app-a").container("web"), workshop.pod("tools").ip
        before = _resets(main)
        for end in ("end", "close", "reset"):
            with contextlib.closing(client.connect(ip, 8080)) as stream:
                stream.send(b"GET / HT")  # it would wait for the rest
                getattr(stream, end)()
                if end == "end":
                    assert _rest(stream) == b""
            # What went to the same server before, and over the same way, is met before it answers this.
            assert _answer(client, ip, 8080) == "tools\n"
            if end != "reset":
                assert _resets(main) == before

        waiting = Retrying(retry=retry_if_result(lambda seen: seen == before), wait=wait_fixed(0.05))
        assert waiting.copy(stop=stop_after_delay(60))(_resets, main) == before + 1

    @pytest.mark.parametrize(
        ("host", "error"),
        [("127.0.0.1", ConnectionRefusedError), ("nobody.invalid", socket.gaierror), ("app.three", socket.gaierror)],
    )
    def test_what_cannot_be_reached(self, main: Container, host: str, error: type[Exception]) -> None:
        with pytest.raises(error, match=r".+"):
            main.connect(host, 9)

    @pytest.mark.parametrize(
        ("where", "host", "answered_by"),
        [
            ("one/app-a", "app", "one"),
            ("two/app-d", "app", "two"),
            ("one/app-a", "app.two", "two"),
            ("two/app-d", "app.one.svc", "one"),
            ("tools", "app.one", "one"),
            ("tools", "app.two.svc.cluster.local", "two"),
        ],
    )
    def test_names_resolve_as_in_that_namespace(
        self, workshop: Deployment, where: str, host: str, answered_by: str
    ) -> None:
        # The run's names of namespaces may differ from the manifest's.
        client = workshop.pod(where).container("main" if where == "tools" else "web")
        real = {name: workshop.host_name(f"{name}/app").split(".")[1] for name in ("one", "two")}
        host = ".".join(real.get(part, part) for part in host.split("."))

        assert _answer(client, host, 80).startswith(f"{answered_by}/")

    def test_full_names_and_addresses_lead_to_the_service(self, workshop: Deployment, main: Container) -> None:
        assert _answer(main, workshop.host_name("two/app"), 80) == "two/app-d\n"
        assert _answer(main, workshop.service_ip("two/app"), 81) == "two/app-d\n"
        assert workshop.service_ip("one/app") != workshop.service_ip("two/app")

    @pytest.mark.parametrize("port", [80, 81], ids=["port by number", "port by name"])
    def test_a_service_reaches_each_of_its_endpoints(self, workshop: Deployment, main: Container, port: int) -> None:
        ip = workshop.service_ip("one/app")
        seen = Counter(_answer(main, ip, port) for _ in range(60))

        # Each has a third of them: that one is never chosen happens once in 10^10 times.
        assert sorted(seen) == ["one/app-a\n", "one/app-b\n", "one/app-c\n"]

    def test_a_pod_reaches_itself_through_its_own_service(self, workshop: Deployment) -> None:
        assert _answer(workshop.pod("two/app-d").container("web"), workshop.service_ip("two/app"), 80) == "two/app-d\n"

    @pytest.mark.parametrize("alias", ["self.example", "me.example"])
    def test_host_aliases_are_known_in_their_pod_only(self, workshop: Deployment, main: Container, alias: str) -> None:
        assert _answer(main, alias, 8080) == "tools\n"
        with pytest.raises(socket.gaierror):
            workshop.pod("two/app-d").container("web").connect(alias, 8080)

    def test_a_connection_belongs_to_the_containers_user_and_rules_count_it(self, workshop: Deployment) -> None:
        tools = workshop.pod("tools")

        def redirected() -> int:
            rule = next(line for line in tools.nat_rules().splitlines() if "--dport 7777" in line)
            counters = re.search(r"-c (\d+) \d+", rule)
            assert counters
            return int(counters[1])

        before = redirected()
        assert _answer(tools.container("user"), "127.0.0.1", 7777) == "tools\n"
        with pytest.raises(ConnectionRefusedError):
            tools.container("main").connect("127.0.0.1", 7777)

        assert redirected() == before + 1

    def test_forward_goes_past_the_rules_of_the_pod(self, workshop: Deployment) -> None:
        tools = workshop.pod("tools")
        before = tools.nat_rules()
        with contextlib.closing(tools.forward(9901)) as stream:
            stream.send(_GET % b"/ready")
            assert b"LIVE\n" in _rest(stream)

        assert tools.nat_rules().count("REDIRECT") == before.count("REDIRECT") == 2
