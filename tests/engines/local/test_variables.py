"""`$(NAME)` as a kubelet expands it: the cases are those of Kubernetes' own test of its expansion."""

import pytest

from takeover.engines.local import parsing
from takeover.engines.local.objects import Container, Pod
from takeover.engines.local.variables import environment, expanded

VALUES = {"VAR_A": "A", "VAR_B": "B", "VAR_C": "C", "VAR_REF": "$(VAR_A)", "VAR_EMPTY": ""}


def container(known: dict[str, str] | None = None, **fields: object) -> Container:
    spec = {"containers": [{"name": "c", "image": "nginx", **fields}]}
    pod = parsing.parse({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    assert isinstance(pod, Pod)
    [only] = pod.spec.containers
    return expanded(only, environment(only.env, known or {}, lambda _: "$(HOST)$$"))


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


def test_what_comes_from_elsewhere_is_taken_as_it_is_and_known_to_what_is_written() -> None:
    secret = {"secretKeyRef": {"name": "s", "key": "k"}}
    env = [
        {"name": "HOST", "value": "h"},
        {"name": "SECRET", "valueFrom": secret},
        {"name": "OPTIONS", "value": "$(OPTIONS) --more=$(LATER)-$(SECRET)"},
        {"name": "LATER", "value": "2"},
    ]
    found = container({"OPTIONS": "--a $(HOST)", "LATER": "1", "RAW": "pa$$word"}, env=env, args=["$(RAW) $(LATER)"])

    assert {each.name: each.value for each in found.env} == {
        "HOST": "h",
        "SECRET": "$(HOST)$$",
        "OPTIONS": "--a $(HOST) --more=1-$(HOST)$$",
        "LATER": "2",
        "RAW": "pa$$word",
    }
    assert found.args == ["pa$$word 2"]


def test_a_value_that_no_program_can_be_given_is_refused_wherever_it_is_from() -> None:
    with pytest.raises(ValueError, match="is longer than 131071 bytes"):
        container({"LONG": "x" * 200_000})


def test_the_command_of_a_probe_knows_only_what_is_written() -> None:
    env = [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    found = container({"TPL": "x"}, env=env, readinessProbe={"exec": {"command": ["curl", "$(IP):80", "$(TPL)"]}})

    assert found.readiness_probe is not None
    assert found.readiness_probe.exec is not None
    assert found.readiness_probe.exec.command == ["curl", ":80", "$(TPL)"]


def test_the_command_of_a_probe_gets_the_values_as_they_are_written() -> None:
    env = [{"name": "A", "value": "a"}, {"name": "B", "value": "$(A)"}]
    found = container(env=env, readinessProbe={"exec": {"command": ["echo", "$(A)", "$(B)", "$$(A)"]}})

    assert found.readiness_probe is not None
    assert found.readiness_probe.exec is not None
    assert found.readiness_probe.exec.command == ["echo", "a", "$(A)", "$(A)"]
