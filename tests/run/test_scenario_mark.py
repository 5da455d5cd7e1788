"""How a test's mark is read: what it takes, and what is refused, as it would change nothing."""

from types import SimpleNamespace
from typing import Any

import pytest

from takeover.run import scenario_mark
from takeover.run.scenario_mark import ScenarioMark
from takeover.scenario.edits import remove
from tests.run.outside import one_line, run

EDIT = remove("envoy.yaml", "$.admin")


def begin(scene: object) -> object:
    return scene


def item_with(*marks: pytest.MarkDecorator) -> Any:
    """As much of an item as is asked for."""
    return SimpleNamespace(
        location=("suites/test_it.py", 4, "test_it"),
        get_closest_marker=lambda name: next((each.mark for each in marks if each.name == name), None),
    )


@pytest.mark.parametrize(
    ("mark", "read"),
    [
        (pytest.mark.scenario("own"), ScenarioMark("own")),
        (pytest.mark.scenario("own", EDIT, EDIT, fresh=True), ScenarioMark("own", (EDIT, EDIT), fresh=True)),
        (pytest.mark.scenario("own", apart="a", many=True), ScenarioMark("own", apart="a", many=True)),
        (pytest.mark.scenario("own", begin=begin, fresh=False), ScenarioMark("own", begin=begin)),
        (pytest.mark.scenario("own", begin=None), ScenarioMark("own")),
    ],
)
def test_what_it_says(mark: pytest.MarkDecorator, read: ScenarioMark) -> None:
    assert scenario_mark.read(item_with(mark)) == read


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        (pytest.mark.scenario, "say which scenario it is for: @pytest.mark.scenario(NAME)"),
        (pytest.mark.scenario(name="own"), "say which scenario it is for: @pytest.mark.scenario(NAME)"),
        (pytest.mark.scenario(["own"]), "@pytest.mark.scenario: ['own'] is no scenario's name: give one as a string"),
        (pytest.mark.scenario(""), "@pytest.mark.scenario: '' is no scenario's name: give one as a string"),
        (pytest.mark.scenario("own", "edit"), "argument 2, 'edit', is no edit: see takeover.scenario.edits"),
        (pytest.mark.scenario("own", EDIT, ["edit"]), "argument 3, ['edit'], is no edit: write a * before it"),
        (pytest.mark.scenario("own", edits=[EDIT]), f"there is no edits=: it is {scenario_mark.SIGNATURE}"),
        (pytest.mark.scenario("own", aparT=3), f"there is no aparT=: it is {scenario_mark.SIGNATURE}"),
        (pytest.mark.scenario("own", fresh="no"), "fresh='no': give True or False"),
        (pytest.mark.scenario("own", apart=["x"]), "apart=['x']: give a word, as a string"),
        (pytest.mark.scenario("own", begin="x"), "begin='x': give a function that takes the scene"),
        (pytest.mark.scenario("own", many=2), "many=2: give True or False"),
        (pytest.mark.scenario("own", fresh=True, apart="x"), "is a deployment for this test alone: leave out apart="),
    ],
)
def test_what_is_refused(mark: pytest.MarkDecorator, told: str) -> None:
    with pytest.raises(pytest.UsageError) as error:
        scenario_mark.check([item_with(), item_with(mark)])

    assert str(error.value).startswith("suites/test_it.py:5: ")
    assert str(error.value).endswith(told)


def test_markers_shows_what_it_takes() -> None:
    assert f"@pytest.mark.{scenario_mark.SIGNATURE}: " in one_line(run("--markers"))
