"""A server on loopback that publishes Envoys as GitHub and registries of images do, well or badly, as a test says."""

import gzip
import hashlib
import io
import json
import ssl
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIST = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class Answer:
    """What is answered. Of `sent` bytes, if that is given, the connection is closed though more were announced."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None


Asked = BaseHTTPRequestHandler


@dataclass
class Site:
    """By path: an answer, or what makes one of the request. Anything else is answered with 404."""

    address: str
    answers: dict[str, Answer | Callable[[Asked], Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def image(
        self, repository: str, tag: str, layers: list[bytes], machine: str = "amd64", *, in_list: bool = True
    ) -> str:
        """Publishes an image for one machine. Returns the digest that its tag names."""
        config = json.dumps({"os": "linux", "architecture": machine}).encode()
        manifest = {
            "mediaType": MANIFEST,
            "config": {"digest": self._blob(repository, config), "size": len(config)},
            "layers": [{"digest": self._blob(repository, each), "size": len(each)} for each in layers],
        }
        top = json.dumps(manifest).encode()
        if in_list:
            digest = self._manifest(repository, top)
            other = {"digest": f"sha256:{'0' * 64}", "platform": {"os": "unknown", "architecture": "unknown"}}
            mine = {"digest": digest, "platform": {"os": "linux", "architecture": machine}}
            top = json.dumps({"mediaType": LIST, "manifests": [other, mine]}).encode()
        digest = self._manifest(repository, top)
        self.answers[f"/v2/{repository}/manifests/{tag}"] = self.answers[f"/v2/{repository}/manifests/{digest}"]
        return digest

    def _blob(self, repository: str, body: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.answers[f"/v2/{repository}/blobs/{digest}"] = Answer(body)
        return digest

    def _manifest(self, repository: str, body: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.answers[f"/v2/{repository}/manifests/{digest}"] = Answer(body, headers={"docker-content-digest": digest})
        return digest


@contextmanager
def site(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A site on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            here.asked.append(self.path)
            answer = here.answers.get(path, Answer(status=404))
            answer = answer(self) if callable(answer) else answer
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.sent])
            self.close_connection = answer.sent is not None

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        here = Site(f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()


def layer(*entries: tuple[str, bytes | str], packed: bool = True, kinds: dict[str, bytes] | None = None) -> bytes:
    """A layer of files (bytes), folders (names that end with /) and links (text: where to; by `kinds` hard ones)."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name.rstrip("/"))
            entry.mode = 0o755
            if name.endswith("/"):
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            elif isinstance(content, str):
                entry.type, entry.linkname = (kinds or {}).get(name, tarfile.SYMTYPE), content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(whole.getvalue(), 1, mtime=0) if packed else whole.getvalue()
