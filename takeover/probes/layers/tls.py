"""TLS as probes.yaml writes it: what a client offers, and a context that offers it."""

import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from msgspec import UNSET

from takeover.base.errors import BadInputError
from takeover.model.request import ProbeTls, TlsVersion
from takeover.net.tls import load_certificate
from takeover.probes.entries import TlsEntry
from takeover.probes.protocols.written import text
from takeover.scenario.files import own_file, read_text

_VERSIONS: dict[TlsVersion, ssl.TLSVersion] = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_ORDER: tuple[TlsVersion, ...] = get_args(TlsVersion)
# OpenSSL's own judgement (of short keys, old hashes, versions before 1.2) is not ours: the peer's is observed.
_ANYTHING = "@SECLEVEL=0"


@dataclass(frozen=True)
class Tls:
    """What a client offers.

    Args:
        offer: all of it as a record.
        certificate: the file of its certificate; None: it has none.
        key: the file of its key.
        hello: bytes in the place of a handshake; empty: there is one.
    """

    offer: ProbeTls
    certificate: Path | None
    key: Path | None
    hello: bytes

    def context(self) -> ssl.SSLContext:
        """A new one that offers it, and trusts anybody. Raises: ValueError, in words."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # what is deprecated is offered to see what becomes of it
            context.minimum_version = _VERSIONS[self.offer.min_version]
            context.maximum_version = _VERSIONS[self.offer.max_version]
        try:
            context.set_ciphers(f"{self.offer.ciphers or 'DEFAULT'}:{_ANYTHING}")
        except ssl.SSLError:
            raise ValueError(f"ciphers: OpenSSL knows none of {self.offer.ciphers}") from None
        if self.offer.alpn:
            context.set_alpn_protocols(self.offer.alpn)
        if self.certificate is not None:
            load_certificate(context, self.certificate, self.key)
        return context


def tls_of(entry: TlsEntry, roots: Sequence[Path]) -> Tls:
    """What the entry says.

    Args:
        roots: folders in which files must lie, see `own_file`.

    Raises: BadInputError "FILE:LINE: …".
    """
    if entry.hello is not UNSET and (others := [each for each in entry.written if each != "hello"]):
        raise entry.error(f"hello stands for the whole handshake: leave out {' and '.join(others)}", others[0])
    if entry.client_key and not entry.client_certificate:
        raise entry.error("client_key is that of client_certificate, which is missing", "client_key")
    highest: TlsVersion = "TLSv1.3" if entry.max_version is UNSET else entry.max_version
    lowest: TlsVersion = min("TLSv1.2", highest, key=_ORDER.index) if entry.min_version is UNSET else entry.min_version
    if _ORDER.index(lowest) > _ORDER.index(highest):
        raise entry.error(f"min_version {lowest} is above max_version {highest}", "min_version")
    if entry.ciphers and lowest == "TLSv1.3":
        raise entry.error("ciphers has no effect in TLSv1.3: have a min_version below it", "ciphers")
    for index, each in enumerate(entry.alpn):
        if not each.isascii() or len(each) > 255:
            raise entry.error("a protocol of alpn has at most 255 ASCII characters", "alpn", index)
    try:
        entry.server_name.encode("idna")
    except UnicodeError as error:
        raise entry.error(
            f"server_name {entry.server_name} cannot be asked for ({error}): send a hello of your own", "server_name"
        ) from None
    hello = "" if entry.hello is UNSET else text(entry, entry.hello, "hello")
    tls = Tls(
        ProbeTls(
            server_name=entry.server_name,
            alpn=list(entry.alpn),
            client_certificate=entry.client_certificate,
            client_key=entry.client_key,
            min_version=lowest,
            max_version=highest,
            ciphers=entry.ciphers,
            resume=entry.resume,
            hello=hello or None,
        ),
        _file(entry, entry.client_certificate, "client_certificate", roots),
        _file(entry, entry.client_key, "client_key", roots),
        hello.encode("latin-1"),
    )
    try:
        tls.context()
    except ValueError as error:
        raise entry.error(str(error)) from None
    return tls


def _file(entry: TlsEntry, name: str, key: str, roots: Sequence[Path]) -> Path | None:
    if not name:
        return None
    try:
        path = own_file(entry.place[0].path.parent, name, roots)
        read_text(path)  # as every file of manifests: a regular one, of a bounded length
    except BadInputError as error:
        raise entry.error(str(error), key) from None
    return path
