"""Certificates of a world: the same each time; of one kind all handshakes have as many bytes as each other."""

import contextlib
import ssl
from pathlib import Path

import pytest

from takeover.check.world.certificates import Certificate, authority, certificate, is_of_rsa, typed

NAMES = ("a.example", "10.0.0.1", "spiffe://a/b")


def handshake(folder: Path, its: Certificate) -> int:
    """How many bytes the server sends in one."""
    file = folder / "server.pem"
    file.write_text(its.chain + its.key)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(file)
    client_context = ssl.create_default_context(cadata=authority().chain)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname="a.example")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    sent = 0
    for step in (client.do_handshake, server.do_handshake, client.do_handshake, server.do_handshake):
        before = to_client.pending
        with contextlib.suppress(ssl.SSLWantReadError):
            step()
        sent += max(0, to_client.pending - before)
    assert client.getpeercert()
    return sent


def test_it_is_the_same_each_time() -> None:
    for of_rsa in (False, True):
        first = certificate("a", NAMES, of_rsa=of_rsa)
        assert certificate("a", NAMES, of_rsa=of_rsa) == first
        assert certificate("b", NAMES, of_rsa=of_rsa) != first
        assert is_of_rsa(first.chain) == of_rsa


def test_a_name_that_no_certificate_can_have_is_in_none(tmp_path: Path) -> None:
    kept = typed("Bob <a@b>", "email")
    (tmp_path / "one.pem").write_text(certificate("a", (kept, "a.test")).chain)
    decoded = ssl._ssl._test_decode_cert(str(tmp_path / "one.pem"))  # type: ignore[attr-defined]
    assert decoded["subjectAltName"] == (("DNS", "a.test"),)


def test_of_what_is_no_certificate_nobody_knows_the_kind_of_its_key() -> None:
    assert is_of_rsa("given") is None


@pytest.mark.parametrize("of_rsa", [False, True])
def test_handshakes_have_as_many_bytes_only_where_that_is_wanted(tmp_path: Path, of_rsa: bool) -> None:
    its = certificate("a", NAMES, of_rsa=of_rsa)
    assert (len({handshake(tmp_path, its) for _ in range(60)}) == 1) == of_rsa
