"""What lies below a request's protocol, in commands that show it again: TLS, a PROXY header."""

import shlex

from takeover.compare.shell import printed
from takeover.model.repeats import whole
from takeover.model.request import ProbeRequest, ProbeTls

_CURL = {"TLSv1": "1.0", "TLSv1.1": "1.1", "TLSv1.2": "1.2", "TLSv1.3": "1.3"}
_NO_NAME = "127.0.0.1"  # for an address curl sends no name
_JUDGING_NOTHING = "@SECLEVEL=0"


def curl_over_tls(tls: ProbeTls, address: str, port: int) -> tuple[list[str], str]:
    """The words that make curl offer the same, and the URL."""
    words = ["-k", f"--tlsv{_CURL[tls.min_version]}", f"--tls-max {_CURL[tls.max_version]}"]
    words += [] if tls.alpn else ["--no-alpn"]
    words += [f"--ciphers {shlex.quote(_ciphers(tls))}"]
    words += [f"--cert {shlex.quote(tls.client_certificate)}"] if tls.client_certificate else []
    words += [f"--key {shlex.quote(tls.client_key)}"] if tls.client_key else []
    words += [f"--connect-to ::{address}"]
    return words, f"https://{tls.server_name or _NO_NAME}:{port}"


def openssl_over_tls(tls: ProbeTls, address: str, source_address: str) -> str:
    """The command that sends over TLS what it is given, and writes what comes back.

    Args:
        source_address: from where; empty: the kernel chooses.
    """
    words = ["timeout 5 openssl s_client -quiet -connect", address]
    if source_address:
        words.append(f"-bind {f'[{source_address}]' if ':' in source_address else source_address}:0")
    words += [f"-servername {shlex.quote(tls.server_name)}" if tls.server_name else "-noservername"]
    words += [f"-alpn {shlex.quote(','.join(tls.alpn))}"] if tls.alpn else []
    words += [f"-min_protocol {tls.min_version} -max_protocol {tls.max_version} -cipher {shlex.quote(_ciphers(tls))}"]
    words += [f"-cert {shlex.quote(tls.client_certificate)}"] if tls.client_certificate else []
    words += [f"-key {shlex.quote(tls.client_key)}"] if tls.client_key else []
    return " ".join(words)


def remarks(request: ProbeRequest) -> list[str]:
    """What the command does not do."""
    told = []
    goes_as_bytes = request.steps is not None if request.tls is None else request.tls.hello is not None
    if request.proxy is not None and not goes_as_bytes:
        told.append(f"and before all else, which this cannot send: {printed(whole(request.proxy))}")
    if request.connections > 1:
        told.append(f"and this {request.connections} times at once, each kept: the last one is what was observed")
    if request.tls is not None and request.tls.resume:
        told.append("and this over a second connection, with the session of a first")
    return told


def _ciphers(tls: ProbeTls) -> str:
    return f"{tls.ciphers or 'DEFAULT'}:{_JUDGING_NOTHING}"
