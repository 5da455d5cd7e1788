"""The binaries of the repository: each is what its source beside it becomes, and one takes no nonsense."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from takeover.envoy.releases import resolve
from takeover.inventory.configs import validation
from takeover.node.bare_node import BareNode, bare_node

FOLDER = Path(__file__).parents[1] / "manifests/gateway-auth-wasm"
BINARY = resolve(None)[0].path


def built(folder: Path, tmp_path: Path) -> Path:
    """The filter as the build makes it here and now. Without its compiler this fails, and says what is missing."""
    made = tmp_path / "made.wasm"
    # The compiler keeps what it compiled: here in no other place, and nothing of another time.
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(tmp_path / "global"), "ZIG_LOCAL_CACHE_DIR": str(tmp_path / "local")}
    environment = os.environ | caches | {"PYTHON": sys.executable}
    ended = subprocess.run([folder / "build", made], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, f"{ended.stderr}\n./test installs the compiler, as locks/dev.txt has it"
    assert ended.stderr == ""
    return made


def test_the_wasm_filter_is_its_source_byte_for_byte(tmp_path: Path) -> None:
    assert built(FOLDER, tmp_path).read_bytes() == (FOLDER / "auth.wasm").read_bytes(), f"{FOLDER}/build makes it again"
    assert (FOLDER / "auth.wasm").stat().st_size < 6000


def test_the_filter_that_shows_what_hosts_let_filters_do_is_its_source_byte_for_byte(tmp_path: Path) -> None:
    folder = FOLDER.parent / "atlas/http-filters-wasm"
    made = built(folder, tmp_path).read_bytes()
    assert made == (folder / "tool.wasm").read_bytes(), f"{folder}/build makes it again"
    assert made == (folder.parent / "xds-updates/tool.wasm").read_bytes(), "the same, copied"


def test_the_plugin_that_is_loaded_from_everywhere_is_its_source_byte_for_byte(tmp_path: Path) -> None:
    folder = FOLDER.parent / "atlas/code-sources"
    assert built(folder, tmp_path).read_bytes() == (folder / "plugin.wasm").read_bytes(), (
        f"{folder}/build makes it again"
    )


def test_code_that_is_fetched_is_asked_for_by_its_hash() -> None:
    folder = FOLDER.parent / "atlas/code-sources"
    module = (folder / "plugin.wasm").read_bytes()
    probes = (folder / "probes.yaml").read_text().replace('\\"', '"')
    asked = re.findall(
        r'"uri": "[^"]*/(module|slow|second|third)/([^"]+)", "cluster": "modules"[^}]*\}, "sha256": "([0-9a-f]{64})"',
        probes,
    )
    wrong = set()
    for _, name, told in asked:
        # A custom section of that name, as the Lua in envoy.yaml appends it.
        section = bytes([0, 2 + len(name), 1]) + b"n" + name.encode()
        if told != hashlib.sha256(module + section).hexdigest():
            wrong.add(name)
    assert len(asked) > 50
    assert all(name.startswith(("wrong-", "after-wrong", "hash-", "l-wrong")) for name in wrong), wrong


def test_there_is_no_binary_whose_source_is_not_built_again() -> None:
    found = {f"{each.parent.name}/{each.name}" for each in FOLDER.parent.rglob("*.wasm")}
    assert found == {
        "code-sources/plugin.wasm",
        "gateway-auth-wasm/auth.wasm",
        "http-filters-wasm/tool.wasm",
        "xds-updates/tool.wasm",
    }


@pytest.fixture(scope="module")
def envoy() -> Iterator[BareNode]:
    with bare_node(BINARY, FOLDER / "auth.wasm") as node:
        yield node


def ended(envoy: BareNode, root_id: str, configuration: str) -> str:
    """How Envoy likes a configuration of the filter: empty, or what the filter said."""
    plugin = {
        "root_id": root_id,
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(FOLDER / "auth.wasm")}},
        },
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration},
    }
    kinds = "type.googleapis.com/envoy.extensions"
    filters = [
        {"name": "auth.wasm", "typed_config": {"@type": f"{kinds}.filters.http.wasm.v3.Wasm", "config": plugin}},
        {"name": "router", "typed_config": {"@type": f"{kinds}.filters.http.router.v3.Router"}},
    ]
    manager = {
        "@type": f"{kinds}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "any",
        "route_config": {},
        "http_filters": filters,
    }
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 80}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    bootstrap = json.dumps({"static_resources": {"listeners": [listener]}})
    told = validation(envoy, BINARY, "--config-yaml", bootstrap)
    said = re.search(r"auth\.wasm: (.*)", told.log)
    assert (told.exit_code == 0) == (said is None), told.log
    return said[1] if said else ""


GOOD = "cluster=a\nauthority=b\npath=/c\ntimeout=500\nallow=200\nuser=x-user\n"
WRONG = [
    *("", "\n", "x", "x=1", "=", "cluster", GOOD + "x=1", GOOD + " cluster=a", GOOD.replace("\n", "\r\n"), GOOD + "\0"),
    *(GOOD.replace(line, "") for line in GOOD.splitlines(keepends=True)),
    *(GOOD.replace("=a", f"={'a' * length}") for length in (0, 257, 100_000)),
    *(GOOD.replace("500", number) for number in ("", "0", "-1", "5s", "5 ", "100000", "4294967297", "9" * 10_000)),
    *(GOOD.replace("200", number) for number in ("", "0", "-", "200-", "-200", "200-299-300", "2xx", "200,204")),
]
RIGHT = [
    *(GOOD, GOOD.strip(), f"\n\n{GOOD}\n\n", GOOD * 100, GOOD.replace("=a", f"={'a' * 256}")),
    *(GOOD.replace("500", "99999"), GOOD.replace("200", "200-299"), GOOD.replace("=b", "=b=c")),
]


@pytest.mark.parametrize("configuration", WRONG, ids=lambda each: repr(each)[:40])
def test_the_filter_refuses_what_it_does_not_know_wholly(envoy: BareNode, configuration: str) -> None:
    assert ended(envoy, "auth", configuration).startswith(("the configuration is not complete", "no configuration"))


@pytest.mark.parametrize("configuration", RIGHT, ids=lambda each: repr(each)[:40])
def test_the_filter_takes_what_it_knows(envoy: BareNode, configuration: str) -> None:
    assert ended(envoy, "auth", configuration) == ""


@pytest.mark.parametrize("root_id", ["", "aut", "auth2", "Auth"])
def test_the_filter_is_found_by_its_root_id_alone(envoy: BareNode, root_id: str) -> None:
    assert ended(envoy, root_id, GOOD) == "the one filter in here has the root_id auth"
