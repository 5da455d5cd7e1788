"""Listeners that no probe speaks to: what another one counts is not theirs."""

import pytest

from tests.check.coverage.measured import host, listener, manager, measured, seen, table, to


@pytest.mark.parametrize("protocol", ["UDP", 1])
def test_a_listener_of_udp_is_not_reached_by_what_another_one_counts_at_its_address(protocol: str | int) -> None:
    datagrams = listener("datagrams", 8000)
    datagrams.data["address"]["socket_address"]["protocol"] = protocol
    why = "it takes UDP"
    routes = table(host("shop", ["*"], to("one")))
    found = measured([listener("web", 8000, manager(routes)), datagrams], seen("p", {}), unreached={"datagrams": why})
    assert (found["listener web"].probes, found["listener datagrams"].probes) == (1, 0)
    assert found["listener datagrams"].why == why
