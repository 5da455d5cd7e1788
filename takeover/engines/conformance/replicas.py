"""What every engine must do with a Deployment: a Pod for each replica, one more or one less while others go on."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import BadInputError
from takeover.engines.conformance.contract import Contract, crew_scenario
from takeover.engines.contract import Container, Deployment, Engine
from takeover.model.release import Release

_GET = b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
_ENOUGH = 60
"""Requests: that one of three is never chosen happens once in 10^10 times."""


def _answer(container: Container, host: str) -> str:
    """What the Pod is called that answered a request over a connection of its own."""
    with contextlib.closing(container.connect(host, 80)) as stream:
        stream.send(_GET)
        received = b""
        while chunk := stream.receive(1 << 16):
            received += chunk
        return received.partition(b"\r\n\r\n")[2].decode().strip()


class ReplicasContract(Contract):
    """Deployments. See `takeover.engines.conformance` for what they need."""

    @pytest.fixture(scope="class")
    @classmethod
    def crew(cls, engine: Engine, envoy: Release) -> Iterator[Deployment]:
        """Two replicas and a client: a test leaves as many as it found."""
        deployment = engine.deploy(crew_scenario(), envoy)
        yield deployment
        deployment.delete()

    def test_each_replica_is_a_pod_with_its_own_name_and_address(self, crew: Deployment) -> None:
        assert list(crew.pods) == ["web-0", "web-1", "client"]
        first, second = crew.pod("web-0"), crew.pod("web-1")
        names = [re.fullmatch(r"web-([a-z0-9]{10})-[a-z0-9]{5}", each.name) for each in (first, second)]
        assert names[0]
        assert names[1]
        assert (names[0][1] == names[1][1], first.name == second.name) == (True, False)
        assert first.ip != second.ip
        for each in (first, second):
            assert each.container("web").exec(["hostname"]).stdout.decode().strip() == each.name

    def test_a_service_leads_to_every_replica_and_to_one_that_comes_and_not_to_one_that_went(
        self, crew: Deployment
    ) -> None:
        client, ip = crew.pod("client").container("main"), crew.service_ip("web")

        def answering() -> set[str]:
            return set(Counter(_answer(client, ip) for _ in range(_ENOUGH)))

        before = {crew.pod(each).name: crew.pod(each).ip for each in ("web-0", "web-1")}
        assert answering() == set(before)
        crew.scale("web", 3)
        assert list(crew.pods) == ["web-0", "web-1", "web-2", "client"]
        assert {crew.pod(each).name: crew.pod(each).ip for each in ("web-0", "web-1")} == before
        assert answering() == {*before, crew.pod("web-2").name}
        crew.scale("web", 2)
        assert list(crew.pods) == ["web-0", "web-1", "client"]
        assert answering() == set(before)

    def test_a_headless_service_is_the_addresses_of_its_pods(self, crew: Deployment) -> None:
        client, pods = crew.pod("client").container("main"), {crew.pod(each).ip for each in ("web-0", "web-1")}

        def resolved() -> set[str]:
            told = client.exec(["getent", "ahostsv4", "each"]).stdout.decode()
            return {line.split()[0] for line in told.splitlines()}

        # A cluster's DNS learns of a Pod a moment after its Service has, and remembers for some seconds what it said.
        waiting = Retrying(retry=retry_if_result(lambda found: found != pods), wait=wait_fixed(0.05))
        assert waiting.copy(stop=stop_after_delay(60))(resolved) == pods
        with pytest.raises(BadInputError, match="Service each is headless, without an address of its own"):
            crew.service_ip("each")

    def test_a_replica_that_is_made_again_is_a_new_pod(self, crew: Deployment) -> None:
        web = crew.pod("web-1")
        web.container("web").exec(["touch", "/before"])
        web.restart()
        assert crew.pod("web-1").container("web").exec(["ls", "/before"]).exit_code != 0
        assert crew.pod("web-0").container("web").exec(["true"]).exit_code == 0

    def test_a_volume_of_several_sources_has_the_files_of_each(self, crew: Deployment) -> None:
        web = crew.pod("web-0")
        script = "cd /etc/pod; cat name word said; echo; head -1 config/nginx.conf; stat -L -c %a word said"
        told = web.container("web").exec(["sh", "-c", script]).stdout.decode()
        assert told == f"{web.name}sesameof each\nuser daemon;\n440\n444\n"

    @pytest.mark.parametrize(
        ("deployment", "number", "told"),
        [
            ("client", 2, "no Deployment client; it has web"),
            ("web", 0, "web can have from 1"),
            ("web", 101, "to 100 replicas, not 101"),
        ],
    )
    def test_what_cannot_be_scaled_is_told(self, crew: Deployment, deployment: str, number: int, told: str) -> None:
        with pytest.raises(BadInputError, match=told):
            crew.scale(deployment, number)
        assert list(crew.pods) == ["web-0", "web-1", "client"]
