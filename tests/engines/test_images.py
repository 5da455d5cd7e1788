"""Which role an image plays, for every engine, and roles of one's own."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.engines import images
from takeover.engines.images import Role
from takeover.engines.kubernetes.images import Images
from takeover.engines.local.images import provide

CACHE = Role("cache", ("registry.test:5000/cache",), ("cache", "--serve"), "registry.test:5000/cache:3")


@pytest.fixture
def cache() -> Iterator[Role]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "_ROLES", dict(images._ROLES))
        images.register(CACHE)
        yield CACHE


@pytest.mark.parametrize(
    ("reference", "role"),
    [
        ("nginx", "nginx"),
        ("nginx:1.18-alpine", "nginx"),
        ("docker.io/library/nginx:1.27", "nginx"),
        ("nginx@sha256:00", "nginx"),
        ("bgiddings/iptables", "iptables"),
        ("envoyproxy/envoy:v1.36.2", "envoy"),
        ("docker.io/envoyproxy/envoy:v1.36.2", "envoy"),
        ("envoyproxy/envoy:contrib-v1.40.0", "envoy"),
        ("envoyproxy/envoy:distroless-v1.40.0@sha256:00", "envoy"),
        ("envoyproxy/envoy-alpine:v1.20.0", "envoy"),
        ("envoyproxy/envoy-distroless:v1.40.0", "envoy"),
        ("envoyproxy/envoy-contrib:v1.40.0", "envoy"),
        ("envoyproxy/envoy-windows:v1.30.0", None),
        ("registry.test:5000/nginx", None),
        ("someone/nginx", None),
        ("python:3.13-alpine", "relay"),
        ("envoy-takeover/peers", "peers"),
        ("docker.io/envoy-takeover/peers:1", "peers"),
    ],
)
def test_the_role_of_an_image(reference: str, role: str | None) -> None:
    found = images.role_of(reference)

    assert (found.name if found else None) == role


def test_a_role_of_ones_own_counts_on_every_engine(cache: Role) -> None:
    assert images.role_of("registry.test:5000/cache:2") == cache
    assert Images({}, "1.40.0").for_manifest("registry.test:5000/cache:2", "here") == "registry.test:5000/cache:3"
    assert Images({"cache": "other:1"}, "1.40.0").for_manifest("registry.test:5000/cache", "here") == "other:1"
    assert provide("registry.test:5000/cache").command == ["cache", "--serve"]


def test_two_roles_cannot_have_one_repository() -> None:
    with pytest.raises(BadInputError, match="image nginx plays the role nginx: it cannot be web too"):
        images.register(Role("web", ("nginx",), ("web",), "nginx"))


def test_our_own_image_has_a_tag_for_each_state_of_its_programs_and_a_command_that_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [before] = [each for each in Images({}, "1.40.0").references if each.startswith("envoy-takeover/peers:")]
    assert Images({}, "1.36.4").of_role("peers") == before
    shutil.copytree(images.PEERS_FOLDER, tmp_path / "peers")
    monkeypatch.setattr(images, "PEERS_FOLDER", tmp_path / "peers")
    monkeypatch.setattr(images, "_state_of_peers", images._state_of_peers.__wrapped__)
    assert Images({}, "1.40.0").of_role("peers") == before
    for name in ("hostile/answers.py", "Dockerfile"):
        with (tmp_path / "peers" / name).open("a") as file:
            file.write("# another\n")
        now = Images({}, "1.40.0").of_role("peers")
        assert now != before
        assert images.how_to_build(before) == ""
        before = now
    told = images.how_to_build(f"docker.io/{now}")
    assert told.startswith(f"docker build -t {now} {tmp_path}/peers (then, ")
    assert f"kind load docker-image {now})" in told
    assert images.how_to_build("nginx:1.18-alpine") == ""


def test_who_has_our_image_needs_no_other_for_the_relay() -> None:
    assert Images({}, "1.40.0").of_role("relay") == "python:3.13-alpine"
    assert Images({"peers": "own:1"}, "1.40.0").of_role("relay") == "own:1"
    assert Images({"peers": "own:1", "relay": "python:3"}, "1.40.0").of_role("relay") == "python:3"


def test_the_dockerfile_takes_the_packages_of_the_list_and_no_others() -> None:
    text = (images.PEERS_FOLDER / "Dockerfile").read_text().replace("\\\n", "")
    [install] = re.findall(r"pip install (.+)", text)
    assert {"--no-deps", "--require-hashes"} < set(install.split())
    assert install.endswith("-r /opt/takeover/requirements.txt"), "and nothing else"


def test_an_unknown_role_is_told_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match="no image role 'web'; there are nginx, iptables, envoy, relay, peers"):
        images.require(["web"])
