"""What each kind of difference does to a run: people's pipelines and accepted.yaml rest on it."""

import pytest

from takeover.base.errors import BadInputError
from takeover.compare.kinds import BY_NAME, Kind, failing, rank, register

OURS = [each for each in BY_NAME.values() if each.find is None]
FAIL = ["verdict", "crash", "config-rejected", "security-header", "status", "connection", "tls"]


def test_what_fails_a_run_that_does_not_say_otherwise() -> None:
    assert [each.name for each in OURS if each.fails_by_default] == FAIL
    assert {each.name for each in OURS} & failing(None) == set(FAIL)


def test_what_can_hurt_stands_alone_in_every_probe() -> None:
    alone = [each.name for each in OURS if not each.merges_probes]
    assert alone == [*FAIL, "verdict-better", "config-accepted"]


def test_what_is_merely_new_is_only_counted() -> None:
    counted = [each.name for each in OURS if each.only_counted]
    assert counted == ["guard-gone", "guard-added", "extension-added", "flag-added", "statistic-added"]


def test_what_a_selection_names() -> None:
    assert failing("all") == set(BY_NAME)
    assert failing("none") == frozenset()
    assert failing("Status, log field") == {"status", "log-field"}
    with pytest.raises(BadInputError, match=r"--fail-on: no kind 'stat'; there are verdict, .*, all and none"):
        failing("stat,verdict")


def test_one_of_ones_own_comes_after_what_hurts_a_little_more_and_takes_nobodys_name() -> None:
    before = dict(BY_NAME)
    try:
        register(Kind("mine", "mine", find=lambda *_: []), after="status")
        assert list(BY_NAME).index("mine") == rank("mine") == rank("status") + 1
        assert [each for each in BY_NAME if each != "mine"] == list(before)
        for name, after in (("mine", "status"), ("other", "nothing")):
            with pytest.raises(BadInputError, match=f"kind {name}: the name is taken, or there is no kind {after!r}"):
                register(Kind(name, "", find=lambda *_: []), after=after)
    finally:
        BY_NAME.clear()
        BY_NAME.update(before)
