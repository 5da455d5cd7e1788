"""The committed certificates are what the script beside them says."""

import importlib.util
import sys
from types import ModuleType

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.peers.upstream import CERTIFICATES, program, run


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make", CERTIFICATES / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


MAKE = script()


def certificate(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((CERTIFICATES / f"{name}.pem").read_bytes())


def test_there_is_a_file_for_each_and_no_other() -> None:
    assert {each.stem for each in CERTIFICATES.glob("*.pem")} == {*MAKE.AUTHORITIES, *MAKE.CERTIFICATES}


@pytest.mark.parametrize("name", MAKE.CERTIFICATES)
def test_each_is_as_wanted(name: str) -> None:
    wanted, made = MAKE.CERTIFICATES[name], certificate(name)
    assert made.subject.rfc4514_string() == f"CN={wanted.common_name}"
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert tuple(names.get_values_for_type(x509.DNSName)) == wanted.names
    assert tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) == wanted.uris
    assert list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [wanted.usage]
    assert (made.not_valid_before_utc, made.not_valid_after_utc) == (MAKE.BEGINS, wanted.ends)
    made.verify_directly_issued_by(certificate(wanted.issuer))
    [other] = {*MAKE.AUTHORITIES} - {wanted.issuer}
    with pytest.raises((ValueError, InvalidSignature)):
        made.verify_directly_issued_by(certificate(other))
    key = load_pem_private_key((CERTIFICATES / f"{name}.pem").read_bytes(), None)
    assert key.public_key() == made.public_key()


@pytest.mark.parametrize(
    ("name", "purpose", "said"),
    [
        ("right", "sslserver", "OK"),
        ("expired", "sslserver", "certificate has expired"),
        ("other-name", "sslserver", "hostname mismatch"),
        ("untrusted", "sslserver", "unable to get local issuer certificate"),
        ("wrong-usage", "sslserver", "unsuitable certificate purpose"),
        ("client", "sslclient", "OK"),
        ("client-expired", "sslclient", "certificate has expired"),
        ("client-untrusted", "sslclient", "unable to get local issuer certificate"),
    ],
)
def test_openssl_finds_the_one_thing_wrong(name: str, purpose: str, said: str) -> None:
    host = ["-verify_hostname", "hostile.test"] if purpose == "sslserver" else []
    trusted = ["-CAfile", str(CERTIFICATES / "ca.pem")]
    ended = run(
        program("openssl"), "verify", "-x509_strict", *trusted, "-purpose", purpose, *host,
        str(CERTIFICATES / f"{name}.pem"),
    )  # fmt: skip
    told = ended.stdout + ended.stderr
    assert said in told
    assert told.count(" lookup: ") == (0 if said == "OK" else 1)
