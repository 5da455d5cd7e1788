"""Which tests are chosen, and how many: told rightly, also where none is."""

import re

import pytest

from tests.run.outside import run


@pytest.mark.parametrize(
    "options",
    [["--probes", "-m", "probes and not atlas"], ["--probes", "-k", "inbound"], ["--sabotage=*", "-k", "inbound"]],
)
def test_the_count_is_that_of_the_tests_that_are_listed(options: list[str]) -> None:
    result = run("suites", "--collect-only", "-q", *options)
    assert result.returncode == 0, result.stdout
    lines = result.stdout.splitlines()
    told = re.match(r"(\d+)/(\d+) tests collected \((\d+) deselected\)", lines[-1])
    assert told, lines[-1]
    chosen, collected, deselected = map(int, told.groups())
    assert chosen == sum("::" in each for each in lines) == collected - deselected


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["-k", "nosuch"], "by -k 'nosuch'"),
        (["-k", "nosuch", "-n", "2"], "by -k 'nosuch'"),
        (["-m", "inbound and outbound", "-k", "x"], "by -k 'x' -m 'inbound and outbound'"),
        (["-k", "nosuch", "--collect-only", "-q"], "by -k 'nosuch'"),
        (["-k", "nosuch", "--sabotage=*"], "by -k 'nosuch'"),
    ],
)
def test_where_none_is_one_line_says_what_there_is(options: list[str], asked: str) -> None:
    result = run("suites/inbound", *options)
    assert result.returncode == 5, result.stdout
    [line] = [each for each in result.stdout.splitlines() if each.startswith("no test was chosen ")]
    assert line.startswith(f"no test was chosen {asked}; there are the scenarios ")
    assert all(
        f" {name}, " in line for name in ("gateway-auth-ext-authz", "outbound-mesh-service", "path-normalisation")
    )
    assert "; the markers inbound, outbound, gateway, " in line
    assert line.endswith("probes (probes: with --probes, or several Envoys)")


def test_nothing_is_said_where_some_are() -> None:
    result = run("suites/inbound", "-k", "test_from_inside")
    assert (result.returncode, "no test was chosen" in result.stdout) == (0, False)
