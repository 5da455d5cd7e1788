"""`$(NAME)` as a kubelet expands it: the cases are those of Kubernetes' own test of its expansion."""

import pytest

from takeover.engines.local import parsing
from takeover.engines.local.objects import Container, Pod
from takeover.engines.local.variables import expanded

VALUES = {"VAR_A": "A", "VAR_B": "B", "VAR_C": "C", "VAR_REF": "$(VAR_A)", "VAR_EMPTY": ""}


def container(**fields: object) -> Container:
    spec = {"containers": [{"name": "c", "image": "nginx", **fields}]}
    pod = parsing.parse({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    assert isinstance(pod, Pod)
    return expanded(pod.spec.containers[0])


@pytest.mark.parametrize(
    ("written", "runs"),
    [
        ("$(VAR_A)", "A"),
        ("___$(VAR_B)___", "___B___"),
        ("$(VAR_A)_$(VAR_B)", "A_B"),
        ("$(VAR_A)$(VAR_A)", "AA"),
        ("$(VAR_REF)", "$(VAR_A)"),
        ("%%$(VAR_REF)--$(VAR_REF)%%", "%%$(VAR_A)--$(VAR_A)%%"),
        ("foo$(VAR_EMPTY)bar", "foobar"),
        ("foo-$(NOT_THERE)", "foo-$(NOT_THERE)"),
        ("$$", "$"),
        ("$$$", "$$"),
        ("$$(VAR_A)", "$(VAR_A)"),
        ("$$$(VAR_A)", "$A"),
        ("$$$$(VAR_A)", "$$(VAR_A)"),
        ("$$$$$(VAR_A)", "$$A"),
        ("f000-$$VAR_A", "f000-$VAR_A"),
        ("foo\\$(VAR_A)bar", "foo\\Abar"),
        ("foo\\\\$(VAR_A)bar", "foo\\\\Abar"),
        ("foo$(VAR_A", "foo$(VAR_A"),
        ("foo-$(VAR_A)$(", "foo-A$("),
        ("$(VAR_A))", "A)"),
        ("$(VAR_A)(", "A("),
        ("$VAR_A", "$VAR_A"),
        ("$(foo$(VAR_A))", "$(foo$(VAR_A))"),
        ("$(VAR_A$", "$(VAR_A$"),
        ("$", "$"),
        ("$?-$!", "$?-$!"),
        ("$(VAR_A\n)", "$(VAR_A\n)"),
        ("no variable", "no variable"),
        ("", ""),
    ],
)
def test_as_kubernetes_does_it(written: str, runs: str) -> None:
    # The values are put in as they are written.
    env = [{"name": name, "value": value.replace("$(", "$$(")} for name, value in VALUES.items()]
    found = container(env=env, command=[written], args=["x", written])

    assert (found.command, found.args) == ([runs], ["x", runs])


def test_a_variable_knows_those_before_it() -> None:
    env = [("A", "$(B)"), ("B", "b$(A)"), ("C", "$(A)-$(B)-$(C)"), ("D", "$$(A)")]
    found = container(env=[{"name": name, "value": value} for name, value in env])

    assert {each.name: each.value for each in found.env} == {
        "A": "$(B)", "B": "b$(B)", "C": "$(B)-b$(B)-$(C)", "D": "$(A)"
    }  # fmt: skip


def test_the_command_of_a_probe_gets_the_values_as_they_are_written() -> None:
    env = [{"name": "A", "value": "a"}, {"name": "B", "value": "$(A)"}]
    found = container(env=env, readinessProbe={"exec": {"command": ["echo", "$(A)", "$(B)", "$$(A)"]}})

    assert found.readiness_probe is not None
    assert found.readiness_probe.exec is not None
    assert found.readiness_probe.exec.command == ["echo", "a", "$(A)", "$(A)"]
