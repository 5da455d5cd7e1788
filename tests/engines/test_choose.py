"""The words that choose an engine again are those that chose it."""

from pathlib import Path

import pytest

from takeover.engines.choose import EngineOptions
from takeover.engines.kind.cluster import KindOptions


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (EngineOptions("local", {}), "--engine local"),
        (
            EngineOptions("kubernetes", {"nginx": "a/b:1", "relay": "c:2"}, "one", Path("a config")),
            "--engine kubernetes --kube-context one --kubeconfig a config --image nginx=a/b:1 --image relay=c:2",
        ),
        (
            EngineOptions("kind", {}, kind=KindOptions("pytest-kind", False, None, None, None, None)),
            "--engine kind",
        ),
        (
            EngineOptions("kind", {}, None, Path("k"), KindOptions("mine", False, "node:1", "/bin/kind", None, "k")),
            "--engine kind --kubeconfig k --cluster-name mine --kind-image node:1 --kind-bin /bin/kind",
        ),
    ],
)
def test_words(options: EngineOptions, words: str) -> None:
    assert " ".join(options.arguments) == words
