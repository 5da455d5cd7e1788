"""Cluster DNS: what is answered, to the bit as dnsmasq does with the same names, and to what is no question."""

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeover.engines.local.inside.dns import Answers
from tests.unhurried import UNHURRIED

ANSWERS = Answers({"app.one.svc.cluster.local": ["10.96.1.1"], "app.two.svc.cluster.local": ["10.96.1.2"]})
APP = "App.one.svc.cluster.local."
REVERSE = "1.1.96.10.in-addr.arpa."
ADDRESS = f"{APP} 0 IN A 10.96.1.1"
POINTER = f"{REVERSE} 0 IN PTR app.one.svc.cluster.local."
OURS = dns.flags.QR | dns.flags.RD | dns.flags.RA


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("name", "kind", "code", "records"),
    [
        (APP, "A", "NOERROR", [ADDRESS]),
        (APP, "ANY", "NOERROR", [ADDRESS]),
        *((APP, kind, "NOERROR", []) for kind in ("AAAA", "SRV", "PTR", "TXT")),
        *((name, "A", "NOERROR", []) for name in ("one.svc.cluster.local.", "cluster.local.", "local.")),
        *((name, "A", "NXDOMAIN", []) for name in ("x.one.svc.cluster.local.", "example.org.", "localhost.", ".")),
        *((f"x.{APP}", kind, "NXDOMAIN", []) for kind in ("A", "AAAA", "ANY")),
        (REVERSE, "PTR", "NOERROR", [POINTER]),
        (REVERSE, "ANY", "NOERROR", [POINTER]),
        (REVERSE, "A", "NXDOMAIN", []),
        ("3.1.96.10.in-addr.arpa.", "PTR", "NXDOMAIN", []),
    ],
)
def test_what_is_answered(name: str, kind: str, code: str, records: list[str], extended: bool) -> None:
    query = dns.message.make_query(name, kind, use_edns=0 if extended else None)
    told = ANSWERS.to(query.to_wire())
    assert told is not None
    answer = dns.message.from_wire(told)

    assert query.is_response(answer)
    assert (dns.rcode.to_text(answer.rcode()), [str(each) for each in answer.answer]) == (code, records)
    assert answer.flags & ~0xF == OURS | (dns.flags.AA if records else 0)
    assert (answer.edns, answer.payload) == ((0, 1232) if extended else (-1, 0))
    assert answer.question[0].name == query.question[0].name  # with the letters that were asked for


def many(name: str, number: int, *, extended: bool, over_udp: bool) -> dns.message.Message:
    """What is answered where a name has so many addresses."""
    answers = Answers({name.rstrip("."): [f"10.244.0.{each + 1}" for each in range(number)]})
    query = dns.message.make_query(name, "A", use_edns=0 if extended else None)
    told = answers.to(query.to_wire(), over_udp=over_udp)
    assert told is not None
    assert len(told) <= ((1232 if extended else 512) if over_udp else 1 << 16)
    return dns.message.from_wire(told)


@pytest.mark.parametrize(("number", "extended"), [(2, False), (29, False), (30, False), (73, True), (74, True)])
def test_all_addresses_of_a_name_are_answered_and_over_udp_as_many_as_there_is_room_for(
    number: int, extended: bool
) -> None:
    is_cut = number in (30, 74)
    over_udp = many(APP, number, extended=extended, over_udp=True)
    assert bool(over_udp.flags & dns.flags.TC) == is_cut
    assert sum(map(len, over_udp.answer)) == (0 if is_cut else number)
    over_tcp = many(APP, number, extended=extended, over_udp=False)
    assert (over_tcp.flags & dns.flags.TC, sum(map(len, over_tcp.answer))) == (0, number)


def test_another_class_does_not_exist() -> None:
    told = ANSWERS.to(dns.message.make_query(APP, "A", rdclass="CH").to_wire())
    assert told is not None
    assert dns.message.from_wire(told).rcode() == dns.rcode.NXDOMAIN


def test_an_answer_is_not_answered() -> None:
    told = ANSWERS.to(dns.message.make_query(APP, "A").to_wire())
    assert told is not None
    assert ANSWERS.to(told) is None


@given(st.binary(max_size=40) | st.binary(max_size=30).map(lambda body: b"\0\1\1\0\0\1\0\0\0\0\0\0" + body))
@UNHURRIED
def test_whatever_comes_the_server_goes_on(message: bytes) -> None:
    told = ANSWERS.to(message)
    assert told is None or told[:2] == message[:2]
