import pytest

from takeover.evidence.rules import Rule, caught, parse

OUTPUT = """\
-P PREROUTING ACCEPT -c 3 180
-P OUTPUT ACCEPT -c 7 420
-N ISTIO
-A OUTPUT -m owner --uid-owner 1337 -c 2 120 -j RETURN
-A OUTPUT ! -d 127.0.0.1/32 -p tcp -c 5 300 -j REDIRECT --to-ports 15001
-A PREROUTING -c 12345678901 0 -j ISTIO
"""


def test_rules_with_their_packets_in_order_and_nothing_else() -> None:
    assert parse(OUTPUT) == [
        Rule("OUTPUT", "-m owner --uid-owner 1337", "RETURN", 2),
        Rule("OUTPUT", "! -d 127.0.0.1/32 -p tcp", "REDIRECT --to-ports 15001", 5),
        Rule("PREROUTING", "", "ISTIO", 12345678901, jumps=True),
    ]
    assert parse("") == []


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "-A OUTPUT -m owner --uid-owner 1337 -j RETURN"),
        (1, "-A OUTPUT ! -d 127.0.0.1/32 -p tcp -j REDIRECT --to-ports 15001"),
        (2, "-A PREROUTING -j ISTIO"),
    ],
)
def test_the_text_is_the_rule_without_counters(number: int, text: str) -> None:
    assert parse(OUTPUT)[number].text == text


def test_what_was_caught_in_between() -> None:
    after = parse(OUTPUT.replace("-c 5 300", "-c 8 480"))
    assert [each.packets for each in caught(parse(OUTPUT), after)] == [0, 3, 0]


def test_other_rules_than_before_are_not_compared() -> None:
    with pytest.raises(ValueError, match="rules changed"):
        caught(parse(OUTPUT), parse(OUTPUT.replace("15001", "15002")))


CHAINS = """\
-P PREROUTING ACCEPT -c 0 0
-N ISTIO_INBOUND
-N ISTIO_IN_REDIRECT
-N ISTIO_OUTPUT
-N ISTIO_REDIRECT
-A PREROUTING -p tcp -c 1 60 -j ISTIO_INBOUND
-A OUTPUT -p tcp -c 1 60 -j ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp -m multiport --dports 22,15090 -c 0 0 -j RETURN
-A ISTIO_INBOUND -p tcp -c 1 60 -j ISTIO_IN_REDIRECT
-A ISTIO_IN_REDIRECT -p tcp -c 1 60 -j REDIRECT --to-ports 15006
-A ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -c 1 60 -j RETURN
-A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -m owner --uid-owner 1337 -c 0 0 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -m owner --gid-owner 1337 -c 0 0 -g ISTIO_REDIRECT
-A ISTIO_REDIRECT -p tcp -m comment --comment "a -c 1 2 -j RETURN" -c 0 0 -j REDIRECT --to-ports 15001
"""


def test_rules_of_chains_of_the_pods_own() -> None:
    found = {each.text: each for each in parse(CHAINS)}
    assert [str(each) for each in found.values() if each.jumps] == [
        "PREROUTING ISTIO_INBOUND",
        "OUTPUT ISTIO_OUTPUT",
        "ISTIO_INBOUND ISTIO_IN_REDIRECT",
        "ISTIO_OUTPUT ISTIO_IN_REDIRECT",
        "ISTIO_OUTPUT ISTIO_REDIRECT",
    ]
    assert found["-A ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN"].packets == 1
    assert found["-A ISTIO_OUTPUT -m owner --gid-owner 1337 -g ISTIO_REDIRECT"].packets == 0


def test_what_a_rule_does_is_not_taken_from_its_comment() -> None:
    last = parse(CHAINS)[-1]
    assert (str(last), last.packets) == ("ISTIO_REDIRECT REDIRECT --to-ports 15001", 0)
    assert last.match == '-p tcp -m comment --comment "a -c 1 2 -j RETURN"'
