"""Clients of suites that speak TLS: whom they trust, what they show, and what they see of a handshake."""

import contextlib
import ssl
from collections.abc import Sequence
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.model.tls import TlsObserved
from takeover.net.observed_tls import ObservedTls
from takeover.net.tls import load_certificate
from takeover.scenario.files import own_file, read_text
from takeover.scene import Scene

_TIMEOUT = 10.0


def trusting(
    scene: Scene, authority: str = "", certificate: str = "", key: str = "", alpn: Sequence[str] = ()
) -> ssl.SSLContext:
    """What a client offers and demands, by PEM files of the scenario's folder: `tls` of `scene.ask` and others.

    Args:
        scene: of the scenario.
        authority: the file of the only one that it trusts; empty: it trusts anybody.
        certificate: the file of its own certificate; empty: it has none.
        key: the file of that one's key; empty: the same file.
        alpn: the protocols that it offers.

    Raises: BadInputError for a file that is not there, or not what it must be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority:
        path = _file(scene, authority)
        try:
            context.load_verify_locations(path)
        except ssl.SSLError:
            raise BadInputError(f"{display_path(path)}: must hold an authority's certificate in PEM form") from None
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate:
        path = _file(scene, certificate)
        try:
            load_certificate(context, path, _file(scene, key) if key else None)
        except ValueError as error:
            raise BadInputError(f"{display_path(path)}: {error}") from None
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def handshake(
    scene: Scene,
    pod: str,
    host: str,
    port: int,
    tls: ssl.SSLContext,
    *,
    server_name: str = "",
    data: bytes = b"",
    container: str = "",
    proxy: bytes = b"",
) -> TlsObserved:
    """What a client sees of TLS, until the first byte of an answer, or the end: also where the server refuses it.

    In TLS 1.3 a server refuses a client's certificate after that one has shaken hands: `data` should be something that
    has an answer, for instance a request.

    Args:
        scene: of the client's Pod.
        pod: where the client is.
        host: where it goes.
        port: likewise.
        tls: a context that no other connection has, see `trusting`.
        server_name: the name that is asked for (SNI), and must be in the certificate; empty: `host`, or none where
            anybody is trusted.
        data: what is sent after it.
        container: of the Pod; its first one, if none is named.
        proxy: a PROXY header before all else.
    """
    with contextlib.closing(scene.connect(pod, host, port, container, proxy=proxy)) as stream:
        secure = ObservedTls(stream, tls, server_name or (host if tls.check_hostname else ""))
        if secure.shake_hands(_TIMEOUT) is None:
            with contextlib.suppress(OSError):
                secure.send(data, _TIMEOUT)
            with contextlib.suppress(OSError):
                secure.receive(1, _TIMEOUT)
        return secure.observed


def _file(scene: Scene, name: str) -> Path:
    scenario = scene.deployment.scenario
    path = own_file(scenario.folder, name, scenario.library.roots)
    read_text(path)  # as every file of manifests: a regular one, of a bounded length
    return path
