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
        Rule("PREROUTING", "", "ISTIO", 12345678901),
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
