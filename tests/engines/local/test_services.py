import pytest

from takeover.engines.local.inside.services import ServicePortEndpoints, only_grew, rules

REFUSE = "-A KUBE-REFUSED -d 10.96.1.1/32 -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable"
SERVE = "-A KUBE-SERVICES -d 10.96.1.1/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-0"
CHANCE = "-m statistic --mode random --probability"


def dnat(last: int, chance: str = "") -> str:
    return f"-A KUBE-SVC-0 -p tcp{chance} -j DNAT --to-destination 10.244.0.{last}:8080"


def hairpin(last: int) -> str:
    return f"-A KUBE-POSTROUTING -s 10.244.0.{last}/32 -d 10.244.0.{last}/32 -j MASQUERADE"


@pytest.mark.parametrize(
    ("lasts", "expected"),
    [
        ([], [REFUSE]),
        ([2], [SERVE, dnat(2), hairpin(2)]),
        (
            [2, 3, 4],
            [
                SERVE,
                dnat(2, f" {CHANCE} 0.3333333333"),
                dnat(3, f" {CHANCE} 0.5000000000"),
                dnat(4),
                *map(hairpin, (2, 3, 4)),
            ],
        ),
    ],
    ids=["no endpoint", "one", "three"],
)
def test_rules_of_a_service(lasts: list[int], expected: list[str]) -> None:
    endpoints = tuple((f"10.244.0.{last}", 8080) for last in lasts)

    text = rules([ServicePortEndpoints("10.96.1.1", 80, endpoints)], with_foundation=False)

    assert sorted(line for line in text.splitlines() if line.startswith("-A")) == sorted(expected)
    assert text.count("COMMIT") == 2


def test_the_first_time_they_come_with_what_leads_to_them() -> None:
    text = rules([], with_foundation=True)

    assert "-A PREROUTING -j KUBE-SERVICES" in text.splitlines()
    assert text.count("COMMIT") == 4


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([], [("10.96.1.1", [])], True),
        ([("10.96.1.1", [2])], [("10.96.1.1", [2, 3]), ("10.96.1.2", [])], True),
        ([("10.96.1.1", [2])], [("10.96.1.1", [3])], False),
        ([("10.96.1.1", [2])], [], False),
    ],
    ids=["first", "one more", "another", "gone"],
)
def test_endpoints_that_only_grew_may_wait(
    before: list[tuple[str, list[int]]], now: list[tuple[str, list[int]]], expected: bool
) -> None:
    def services(told: list[tuple[str, list[int]]]) -> list[ServicePortEndpoints]:
        return [ServicePortEndpoints(ip, 80, tuple((f"10.244.0.{last}", 80) for last in lasts)) for ip, lasts in told]

    assert only_grew(services(before), services(now)) is expected
