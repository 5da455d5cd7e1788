"""A corpus of configurations: how it is written, and what a real Envoy says of one."""

from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.envoy.releases import resolve
from takeover.inventory.corpus import corpus, has_corpus, taken
from takeover.scenario.library import Library

CLUSTERS = """\
why: a few
base:
  "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: app
  common_lb_config: {}
  lb_policy: RING_HASH
at: $.common_lb_config
variants:
- {name: as-it-is}
- {name: too-much, set: {healthy_panic_threshold: {value: 101}}}
- {name: negative, set: {$.connect_timeout: -1s}}
- {name: random, set: {$.lb_policy: RANDOM}}
- {name: of-old, set: {$.track_timeout_budgets: true}}
- {name: without-policy, remove: [$.lb_policy]}
"""
BOOTSTRAP = """\
why: a few
base: {node: {id: a, cluster: b}}
variants:
- {name: as-it-is}
- {name: nothing-of-the-kind, set: {$.nosuch: 1}}
- {name: two-layers, set: {$.layered_runtime: {layers: [{name: a, admin_layer: {}}, {name: b, admin_layer: {}}]}}}
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    (tmp_path / "corpus").mkdir()
    return Library(tmp_path)


def write(library: Library, name: str, text: str) -> None:
    (library.folder / "corpus" / name).write_text(text)


def test_each_variant_is_the_base_with_its_changes(library: Library) -> None:
    write(library, "clusters.yaml", CLUSTERS)

    [file] = corpus(library)

    found = {each.name: each.content for each in file.variants}
    assert file.are_resources
    assert list(found)[:2] == ["clusters/as-it-is", "clusters/too-much"]
    assert found["clusters/too-much"]["common_lb_config"] == {"healthy_panic_threshold": {"value": 101}}
    assert found["clusters/random"]["lb_policy"] == "RANDOM"
    assert "lb_policy" not in found["clusters/without-policy"]
    assert len({each["name"] for each in found.values()}) == len(found)  # the same one would be an update


def test_a_file_with_another_suffix_is_refused_by_name(library: Library) -> None:
    write(library, "clusters.yml", CLUSTERS)

    assert has_corpus(library)
    with pytest.raises(BadInputError, match=r"clusters\.yml: is not read: call it clusters\.yaml$"):
        corpus(library)


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ("- {name: as-it-is}", "clusters.yaml:15: a second variant as-it-is"),
        ("- {name: a b}", "clusters.yaml:15: a variant's name"),
        ("- {name: x, remove: [$.nosuch]}", "clusters.yaml:15: .*nosuch"),
        ("- {name: x, set: {$.a.b: 1}}", "clusters.yaml:15: "),
        ("- {name: x, change: {}}", "clusters.yaml:15: .*change"),
    ],
)
def test_what_is_written_wrong_is_one_line(library: Library, variant: str, said: str) -> None:
    write(library, "clusters.yaml", f"{CLUSTERS}{variant}\n")

    with pytest.raises(BadInputError, match=said):
        corpus(library)


def test_what_an_envoy_says_of_each(library: Library) -> None:
    write(library, "bootstrap.yaml", BOOTSTRAP)
    write(library, "clusters.yaml", CLUSTERS)

    found = {each.scenario: each for each in taken(resolve(None)[0].path, library)}

    assert {name for name, each in found.items() if each.loads} == {
        "bootstrap/as-it-is", "clusters/as-it-is", "clusters/random", "clusters/of-old", "clusters/without-policy",
    }  # fmt: skip
    assert found["clusters/negative"].error == "Invalid duration: Expected positive duration: seconds: -1"
    assert found["clusters/too-much"].error.endswith(
        "PercentValidationError.Value: value must be inside range [0, 100]"
    )
    assert "no such field: 'nosuch'" in found["bootstrap/nothing-of-the-kind"].error
    assert "Too many admin layers" in found["bootstrap/two-layers"].error
    assert ["track_timeout_budgets" in each for each in found["clusters/of-old"].warnings] == [True]
    assert {each.source for each in found.values()} == {"corpus"}


def test_the_projects_own_can_be_read() -> None:
    files = corpus(Library.bundled())

    assert sum(len(each.variants) for each in files) > 500
    assert {each.are_resources for each in files} == {True, False}
