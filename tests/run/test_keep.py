"""`--keep`: what is held, how it says that one enters, and what the lines show that it prints."""

import contextlib
import operator
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.engines import choose
from takeover.engines.contract import Engine
from takeover.envoy.releases import resolve
from takeover.model.release import Release
from takeover.run.keep import how_to_try
from takeover.scenario.library import Library
from takeover.scene import Scene
from tests.run.outside import ROOT, command
from tests.with_suites import WITH_SUITES

LIBRARY = Library.bundled()


@pytest.fixture(scope="module")
def release() -> Release:
    return resolve(None)[0]


@pytest.fixture(scope="module")
def engine(release: Release) -> Iterator[Engine]:
    with contextlib.closing(choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)) as engine:
        yield engine


def typed(line: str) -> str:
    """What a shell prints when a person types that line."""
    result = subprocess.run(["sh", "-c", line], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
    return result.stdout + result.stderr


@pytest.mark.parametrize("name", WITH_SUITES)
def test_each_scenario_has_lines_that_show_what_its_suite_proves(name: str, engine: Engine, release: Release) -> None:
    with contextlib.closing(Scene.deploy(engine, release, LIBRARY.scenario(name))) as scene:
        lines = scene.deployment.scenario.try_lines
        assert lines
        for each in lines:
            assert each.shows in typed(how_to_try(scene.deployment, each)), each.command


@pytest.mark.parametrize(("container", "rule"), [("nginx", "REDIRECT"), ("envoyproxy", "RETURN")])
def test_who_enters_is_intercepted_as_the_container_is(
    container: str, rule: str, engine: Engine, release: Release
) -> None:
    with contextlib.closing(Scene.deploy(engine, release, LIBRARY.scenario("outbound-block-all"))) as scene:
        pod, website = scene.pod("outpod"), scene.service_ip("internet/website")
        with scene.watched() as observed:
            said = typed(f"{pod.how_to_enter(container)} -c 'curl -s -m 60 http://{website}/'")
        counts = {each: observed.rule(each) for each in ("REDIRECT", "RETURN")}
        assert counts == {"REDIRECT": 0, "RETURN": 0} | {rule: 1}
        assert ("backend: website" in said) is (rule == "RETURN")


def test_a_file_has_it_at_once_and_what_no_test_changed_is_held(tmp_path: Path) -> None:
    chosen = [
        "suites/gateway/test_authentication.py",
        "-k",
        "lua and (alice or without_the_service)",
    ]  # that one stops it
    log = tmp_path / "log"
    with log.open("wb") as out:
        # Python itself is not to flush at each line.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        process = subprocess.Popen(command(*chosen, "--keep"), cwd=ROOT, stdout=out, stderr=out, env=environment)

    def is_told() -> bool:
        told = log.read_text()
        return (told.count("shows: ") == 2 and told.endswith("\n")) or process.poll() is not None

    try:
        Retrying(stop=stop_after_delay(300), wait=wait_fixed(0.05), retry=retry_if_result(operator.not_))(is_told)
        kept = log.read_text().partition("kept until Ctrl-C")[2]
        assert "changed it" not in kept
        lines = [each.strip() for each in kept.splitlines()]
        [first, second] = [number for number, each in enumerate(lines) if each.startswith("shows: ")]
        for number in (first, second):
            assert lines[number].removeprefix("shows: ") in typed(lines[number - 1])
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0


def test_what_a_test_changed_is_said() -> None:
    arguments = ["suites/gateway/test_tcp_ratelimit.py", "--keep", "-k", "sends_nothing"]
    with subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        kept = [next(line for line in process.stdout if "by hand" in line)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
    assert kept == ["  what its suite proves, by hand; a test changed it, and it may show something else:\n"]
