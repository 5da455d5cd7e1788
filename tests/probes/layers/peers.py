"""Certificates, real TLS servers that are not ours, and a client that is."""

import contextlib
import datetime
import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

from takeover.net.stream import ByteStream
from takeover.node.stream import SocketStream
from takeover.probes.entries import ProxyEntry, TlsEntry
from takeover.probes.layers.connection import Connection, Layers, opened
from takeover.probes.layers.proxy import header
from takeover.probes.layers.tls import tls_of
from takeover.scenario.typed_yaml import convert
from takeover.scenario.yaml_text import parse_yaml

NAME = "server.example"
PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)  # noqa: UP017


@dataclass(frozen=True)
class Files:
    """A folder with certificates, each with its key: of the server, of a client (right, expired, another's)."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Files":
        authority, other = trustme.CA(organization_name="Ours"), trustme.CA(organization_name="Theirs")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        authority.issue_cert(NAME, "*.server.example", "192.0.2.1").private_key_and_cert_chain_pem.write_to_path(
            folder / "server.pem"
        )
        for name, by, until in (("client", authority, None), ("expired", authority, PAST), ("other", other, None)):
            made = by.issue_cert(
                "client@example.com", common_name=name, not_before=until and PAST.replace(year=2019), not_after=until
            )
            made.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
        (folder / "half.pem").write_bytes(made.cert_chain_pems[0].bytes())
        (folder / "half.key").write_bytes(made.private_key_pem.bytes())
        return cls(folder)

    def layers(self, tls: str = "", proxy: str = "") -> Layers:
        """What `tls: {…}` and `proxy: {…}` say in a file of that folder."""
        path = self.folder / "probes.yaml"
        return Layers(
            header(convert(next(parse_yaml(proxy, path)), ProxyEntry)) if proxy else b"",
            tls_of(convert(next(parse_yaml(tls, path)), TlsEntry), [self.folder]) if tls else None,
        )

    @contextlib.contextmanager
    def s_server(self, *options: str) -> Iterator[int]:
        """OpenSSL's own server, which turns each line around; yields its port."""
        command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem", "-key", "server.pem"]
        with running([*command, "-cert_chain", "server.pem", *(options or ["-rev"])], self.folder) as said:
            found = re.search(r"^ACCEPT 127\.0\.0\.1:(\d+)", said("ACCEPT"))
            assert found
            yield int(found[1])


@contextlib.contextmanager
def running(command: Sequence[str], folder: Path) -> Iterator["Said"]:
    """A program in that folder, until the block ends."""
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield Said(process)
        finally:
            process.kill()


class Said:
    """What a program writes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.lines: list[str] = []

    def __call__(self, word: str) -> str:
        """The next line with that word in it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            if word in line:
                return line
        raise AssertionError(f"ended without {word}: {''.join(self.lines)}")


def connect_to(port: int) -> ByteStream:
    """A connection to loopback."""
    return SocketStream(socket.create_connection(("127.0.0.1", port), 60))


@contextlib.contextmanager
def connected(layers: Layers, port: int, within: float = 60.0) -> Iterator[Connection]:
    """A connection with these layers."""
    connection = opened(layers, lambda: connect_to(port), within, lambda _: None)
    with contextlib.closing(connection.stream):
        yield connection
