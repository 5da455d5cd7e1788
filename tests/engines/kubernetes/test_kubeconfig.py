"""Finding the cluster, and the errors of that."""

from pathlib import Path

import pytest
import yaml

from takeover.base.errors import BadInputError
from takeover.engines.kubernetes import kubeconfig


def write(path: Path, *contexts: str, current: str | None = None) -> Path:
    entries = [{"name": name, "context": {"cluster": name, "user": name}} for name in contexts]
    path.write_text(yaml.safe_dump({"contexts": entries, "current-context": current}))
    return path


def test_the_argument_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = write(tmp_path / "given", "a", "b", current="b")
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "environment", "c", current="c")))
    assert kubeconfig.find(str(given), None).context == "b"
    assert kubeconfig.find(str(given), "a").kubectl() == ["kubectl", "--kubeconfig", str(given), "--context", "a"]
    assert kubeconfig.find(None, None).kubectl() == ["kubectl", "--context", "c"]


def test_several_files_are_one_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write(tmp_path / "first", "a"), write(tmp_path / "second", "b", current="b")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'absent'}:{second}")
    assert kubeconfig.find(None, None).context == "b"
    assert kubeconfig.find(None, "a").context == "a"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no kubeconfig at .*absent: set KUBECONFIG"):
        kubeconfig.find(str(tmp_path / "absent"), None)


def test_an_unknown_context_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no context 'x' in .*; there are a, b"):
        kubeconfig.find(str(write(tmp_path / "config", "a", "b")), "x")


def test_no_current_context(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no current context: give --kube-context, one of a"):
        kubeconfig.find(str(write(tmp_path / "config", "a")), None)


def test_no_context_at_all(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"has no contexts: give --kubeconfig FILE"):
        kubeconfig.find(str(write(tmp_path / "config")), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cannot read the kubeconfig"),
        ("a: " + "[" * 100_000, "is no kubeconfig: nested too deeply$"),
        ("- a", "is no kubeconfig"),
        ("contexts: [{context: {cluster: k}}]", r"is no kubeconfig: .*`name` - at `\$\.contexts\[0\]`"),
        ("contexts: [{name: 1}]", r"is no kubeconfig: .*`\$\.contexts\[0\]\.name`"),
        ("contexts: 5", "is no kubeconfig: Expected `array"),
        ("current-context: [a]", "is no kubeconfig: Expected `str"),
        ("users: [{user: {}}]", "is no kubeconfig: .*`name`"),
        ("clusters: {k: {}}", "is no kubeconfig: Expected `array"),
    ],
)
def test_a_broken_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(BadInputError, match=message):
        kubeconfig.find(str(tmp_path / "config"), None)


def test_a_home_that_nobody_has() -> None:
    with pytest.raises(BadInputError, match=r"cannot look for a kubeconfig \(.*\): give --kubeconfig FILE"):
        kubeconfig.find("~nobody-of-that-name/config", None)


def test_a_folder_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exists(_: Path) -> bool:  # as it is for who is not root
        raise PermissionError(13, "Permission denied", "/home/somebody/.kube/config")

    monkeypatch.setattr(Path, "exists", exists)
    with pytest.raises(BadInputError, match=r"cannot look for a kubeconfig \(.*Permission denied"):
        kubeconfig.find(str(tmp_path / "config"), None)
