"""Whatever is in a file or an edit: a result or BadInputError, nothing else."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.hostile_files import BITS
from takeover.base.errors import BadInputError
from takeover.scenario.edits import ClusterIp, ConfigId, Edit, HostName
from takeover.scenario.yaml_text import parse_yaml
from tests.scenario.conftest import load
from tests.unhurried import UNHURRIED

FUZZ = settings(
    UNHURRIED,
    max_examples=200,
    suppress_health_check=[*UNHURRIED.suppress_health_check, HealthCheck.function_scoped_fixture],
)
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.builds(ClusterIp, st.sampled_from(["web", "v1/app", 3, None]))
    | st.builds(HostName, st.text())
    | st.just(ConfigId()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(
    [
        "$",
        "$.node",
        "$.node.id",
        "$..*",
        "$.spec",
        "$.metadata.name",
        "$..[?@.name=='one']",
        "$[?length(@) > 1]",
        "$[?match(@.x, '[')]",
        "$..[?count(@..*) < @.y]",
        "$.static_resources.listeners[-1]",
        "$.static_resources.clusters",
    ]
)


class Bound:
    def cluster_ip(self, service: str) -> str:
        return service

    def host_name(self, service: str) -> str:
        return service

    def config_id(self) -> str:
        return "config-id"


def mutated(text: str) -> st.SearchStrategy[str]:
    """`text` with a few stretches replaced by bits of YAML or anything else."""
    cut = st.tuples(st.integers(0, len(text)), st.integers(0, 12), st.sampled_from(BITS) | st.text(max_size=8))

    def apply(cuts: list[tuple[int, int, str]]) -> str:
        result = text
        for start, length, new in cuts:
            result = result[:start] + new + result[start + length :]
        return result

    return st.lists(cut, min_size=1, max_size=3).map(apply)


@pytest.mark.parametrize("file", ["scenario.yaml", "kustomization.yaml", "pod.yaml", "envoy.yaml"])
def test_mutated_files(folder: Callable[..., Path], file: str) -> None:
    root = folder()
    original = (root / file).read_text()

    @FUZZ
    @given(mutated(original))
    def check(text: str) -> None:
        (root / file).write_bytes(text.encode(errors="surrogatepass"))
        with contextlib.suppress(BadInputError):
            load(root).bound(Bound())

    check()


@FUZZ
@given(st.text() | st.lists(st.sampled_from(BITS)).map("".join))
def test_any_text(text: str) -> None:
    with contextlib.suppress(BadInputError):
        list(parse_yaml(text.encode(errors="replace").decode(), Path("any.yaml")))


@FUZZ
@given(st.data())
def test_any_edits(folder: Callable[..., Path], data: st.DataObject) -> None:
    edits: Any = st.lists(
        st.builds(
            Edit,
            document=st.sampled_from(["envoy.yaml", "Pod/web", "Service/web", "Namespace/v1"]) | JUNK,
            op=st.sampled_from(["replace", "add", "append", "remove"]) | JUNK,
            path=PATHS | JUNK,
            value=JUNK,
            key=st.none() | st.text() | JUNK,
        ),
        min_size=1,
        max_size=3,
    )
    scenario = load(folder())
    with contextlib.suppress(BadInputError):
        edited = scenario.edited(data.draw(edits))
        for each in edited.bound(Bound()):
            assert each["kind"]
        list(parse_yaml(edited.config_files(Bound())["envoy.yaml"], Path("envoy.yaml")))
