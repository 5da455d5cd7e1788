"""A filter whose code Envoy fetches before it serves: nobody here has it, and all else can be checked."""

from pathlib import Path

import pytest

from takeover.check.world import wasm
from tests.check.whole import HTTP, checked, cluster, listener, typed, written

TO_APP = {"name": "app", "match": {"prefix": "/"}, "route": {"cluster": "app"}}


@pytest.mark.parametrize("is_given", [False, True])
def test_code_that_is_fetched_is_read_from_a_file(tmp_path: Path, is_given: bool) -> None:
    uri = {"uri": "https://code.example/modules/first.wasm", "cluster": "code", "timeout": "10s"}
    code = {"remote": {"http_uri": uri, "sha256": "0" * 64}}
    vm = {"runtime": "envoy.wasm.runtime.v8", "code": code}
    first = {"name": "first", "typed_config": typed(f"{HTTP}wasm.v3.Wasm", config={"name": "first", "vm_config": vm})}
    file = written(
        tmp_path, listener("web", 8000, TO_APP, filters=(first,)), clusters=(cluster("app"), cluster("code"))
    )
    (tmp_path / "ours.wasm").write_bytes(wasm.module())
    ended = checked(file, *(["--files", "/remote/first.wasm=ours.wasm"] if is_given else []))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "/remote/first.wasm is read, and nothing is fetched: nobody here has what is fetched" in ended.stdout
    assert ("/remote/first.wasm is made (code): nobody gave it" in ended.stdout) is not is_given
    assert "not reached: cluster code: what is fetched there before any probe is read from a file" in ended.stdout
    [reached] = [line for line in ended.stdout.splitlines() if line.startswith("routes ")]
    assert reached.split()[1:] == ["1", "of", "1"]
