"""Our own programs in a Pod of the local engine: what the image `peers` has on a cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from takeover.engines import images
from takeover.engines.conformance.contract import single
from takeover.engines.contract import Container, Engine
from takeover.model.release import Release
from takeover.scenario.edits import replace

PROGRAMS = images.PEERS_FOLDER


@pytest.fixture(scope="module")
def main(engine: Engine, envoy: Release) -> Iterator[Container]:
    image = replace("Pod/app", "$.spec.containers[0].image", "envoy-takeover/peers:any")
    deployment = engine.deploy(single([image]), envoy)
    yield deployment.pod("app").container("main")
    deployment.delete()


def test_it_has_the_programs_and_the_packages_that_they_import(main: Container) -> None:
    files = sorted(str(each.relative_to(PROGRAMS)) for each in PROGRAMS.rglob("*.py"))
    listed = main.exec(["sh", "-c", "cd /opt/takeover/peers && find . -name '*.py'"])
    assert sorted(line.removeprefix("./") for line in listed.stdout.decode().split()) == files
    assert main.exec(["python3", "-c", "import h2.connection, hpack, hyperframe, wsproto, ssl"]).exit_code == 0


def test_no_pod_changes_a_program(main: Container) -> None:
    before = {each: each.read_bytes() for each in PROGRAMS.rglob("*.py")}
    for command in ("echo >> relay.py", "rm relay.py", "touch another.py", "mount -o remount,rw,bind ."):
        assert main.exec(["sh", "-c", f"cd /opt/takeover/peers && {command}"]).exit_code != 0, command
    assert {each: each.read_bytes() for each in Path(PROGRAMS).rglob("*.py")} == before


def test_other_images_do_not_have_them(engine: Engine, envoy: Release) -> None:
    deployment = engine.deploy(single(), envoy)
    try:
        main = deployment.pod("app").container("main")
        assert main.exec(["ls", "/opt/takeover"]).exit_code != 0
    finally:
        deployment.delete()
