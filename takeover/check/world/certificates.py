"""Certificates of a world: the same for the same names in every run, so that nothing of them is a difference.

Their keys are made of their names. They are for tests alone, in namespaces of a run: whoever reads this can make them.

A signature by such a key is of 70 to 72 bytes, by chance, and so is a handshake. Where Envoy counts the bytes of
handshakes, because it passes TLS through, that would be a difference: there the key is of RSA, and so it is where
nothing else will do.
"""

import contextlib
import datetime
import functools
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_BEGINS = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_ENDS = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve: a key is a number below it."""
_AUTHORITY = "takeover check CA"
_RSA = Path(__file__).with_name("rsa.pem")
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_LONGEST_NAME = 64
_HOST = re.compile(r"(\*\.)?[a-zA-Z0-9_]([-a-zA-Z0-9_.]*[a-zA-Z0-9_])?")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as PEM."""

    chain: str
    key: str


@functools.cache
def authority() -> Certificate:
    """The one that all of a world trusts."""
    key = _key(_AUTHORITY)
    builder = _begun(_AUTHORITY, key, _AUTHORITY).add_extension(_usage(signs_others=True), critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signed = _signed(builder.add_extension(identifier, critical=False))
    return Certificate(_pem(signed), _private(key))


def certificate(common_name: str, names: Iterable[str], *, of_rsa: bool = False) -> Certificate:
    """One for servers and clients.

    Args:
        common_name: of its subject; what it is called.
        names: of hosts, IP addresses, URIs, and `typed` ones. Those that no certificate can have are left out.
        of_rsa: whether its key is: then all its handshakes have as many bytes as each other.
    """
    names = tuple(dict.fromkeys(names))
    seed = repr((common_name, names))
    key: _Key = _rsa_key() if of_rsa else _key(seed)
    builder = _begun(common_name[:_LONGEST_NAME] or "a name", key, seed)
    alternatives = [made for each in names if (made := _alternative(each)) is not None]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    # Whoever validates by SPIFFE takes a certificate that does not say this for one that may sign others.
    builder = builder.add_extension(_usage(encrypts=of_rsa), critical=True)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(_key(_AUTHORITY).public_key())
    return Certificate(_pem(_signed(builder.add_extension(issuer, critical=False))), _private(key))


def told(common_name: str, names: Iterable[str]) -> tuple[str, ...]:
    """By which names Envoy knows who shows such a certificate: URIs and hosts in it, and its subject."""
    alternatives = filter(None, map(_alternative, names))
    known = [each.value for each in alternatives if isinstance(each, x509.UniformResourceIdentifier | x509.DNSName)]
    return (*known, f"CN={common_name}") if known else ()


def is_of_rsa(chain: str) -> bool | None:
    """Whether the key of the first certificate of a chain, as PEM, is; None: it is no such text."""
    try:
        return isinstance(x509.load_pem_x509_certificate(chain.encode()).public_key(), rsa.RSAPublicKey)
    except (ValueError, UnsupportedAlgorithm):
        return None


def of_others(chains: Iterable[str]) -> str:
    """The first certificate of each chain that our authority has not signed, as PEM; none of what is no certificate."""
    found: dict[str, None] = {}
    for each in dict.fromkeys(chains):
        with contextlib.suppress(ValueError):
            first = x509.load_pem_x509_certificate(each.encode())
            if first.issuer != _name(_AUTHORITY):
                found[_pem(first)] = None
    return "".join(found)


def empty_revocations() -> str:
    """A list of the authority's of what it has revoked: nothing."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(_name(_AUTHORITY))
    builder = builder.last_update(_BEGINS).next_update(_ENDS)
    signed = builder.sign(_key(_AUTHORITY), hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def typed(name: str, kind: str) -> str:
    """A name as one of that kind in a certificate: "DNS", "URI" or "email", in OpenSSL's notation (`DNS:a.test`).

    As it is where its form says the kind. One of the kind DNS need not be that of a host: Envoy compares texts.
    """
    wanted = _KINDS.get(kind)
    return name if wanted is None or isinstance(_alternative(name), wanted) else f"{kind}:{name}"


def _alternative(name: str) -> x509.GeneralName | None:
    if not name.isascii():
        return None
    kind, _, rest = name.partition(":")
    if kind in _KINDS and rest:
        with contextlib.suppress(ValueError):  # a matcher may have what no certificate can
            return _KINDS[kind](rest)
        return None
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name) if _HOST.fullmatch(name) else None


_KINDS: Mapping[str, type[x509.DNSName | x509.UniformResourceIdentifier | x509.RFC822Name]] = {
    "DNS": x509.DNSName,
    "URI": x509.UniformResourceIdentifier,
    "email": x509.RFC822Name,
}
"""By the words that begin a `typed` name."""


def _begun(subject: str, key: _Key, seed: str) -> x509.CertificateBuilder:
    serial = int.from_bytes(sha256(seed.encode()).digest()[:16], "big") | 1
    builder = x509.CertificateBuilder().issuer_name(_name(_AUTHORITY)).subject_name(_name(subject))
    builder = builder.public_key(key.public_key())
    return builder.serial_number(serial).not_valid_before(_BEGINS).not_valid_after(_ENDS)


def _usage(signs_others: bool = False, encrypts: bool = False) -> x509.KeyUsage:
    """Args: encrypts: whether keys of sessions, too, as it is with RSA."""
    return x509.KeyUsage(
        digital_signature=not signs_others, content_commitment=False, key_encipherment=encrypts,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_others, crl_sign=signs_others,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _signed(builder: x509.CertificateBuilder) -> x509.Certificate:
    return builder.sign(_key(_AUTHORITY), hashes.SHA256(), ecdsa_deterministic=True)


@functools.cache
def _key(seed: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(sha256(f"envoy-takeover {seed}".encode()).digest(), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


@functools.cache
def _rsa_key() -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(_RSA.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _pem(made: x509.Certificate) -> str:
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: _Key) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
