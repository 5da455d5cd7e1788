"""Makes the certificates beside it anew: `python manifests/atlas/tls-seldom/certificates.py`.

A server's key that a password locks, clients with names of SPIFFE, and what says whom to trust; it prints the server's
certificate and key as PKCS #12, in base64, which stand in envoy.yaml. It needs the package cryptography.
"""

import base64
import datetime
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

FOLDER = Path(__file__).parent
BEGINS = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
ENDS = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
PASSWORD = b"atlas"
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
          "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip


def main() -> None:
    """Writes all files."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    own = _certificate(x509.DNSName("own.atlas.test"), key, authority)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))
    pem = own.public_bytes(Encoding.PEM)
    (FOLDER / "locked.pem").write_bytes(pem + locked)
    (FOLDER / "own.pem").write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    store = pkcs12.serialize_key_and_certificates(b"own", key, own, None, BestAvailableEncryption(PASSWORD))
    print(base64.b64encode(store).decode())  # noqa: T201 - what is to be copied
    domains = {}
    for domain in ("atlas.test", "other.test"):
        signs, client = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        trusted = _certificate(x509.UniformResourceIdentifier(f"spiffe://{domain}"), signs, signs, is_authority=True)
        signed = _certificate(x509.UniformResourceIdentifier(f"spiffe://{domain}/client"), client, signs)
        unlocked = client.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (FOLDER / f"client-{domain.partition('.')[0]}.pem").write_bytes(signed.public_bytes(Encoding.PEM) + unlocked)
        domains[domain] = {"spiffe_sequence": 1, "spiffe_refresh_hint": 300, "keys": [_key(trusted)]}
    del domains["other.test"]
    (FOLDER / "bundle.json").write_text(json.dumps({"trust_domains": domains}, indent=1) + "\n", encoding="utf-8")


def _key(certificate: x509.Certificate) -> dict[str, object]:
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    numbers = public.public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32, "big")).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    chain = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "x509-svid", "x5c": chain}


def _certificate(
    name: x509.GeneralName,
    key: ec.EllipticCurvePrivateKey,
    signs: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool = False,
) -> x509.Certificate:
    usage = "key_cert_sign" if is_authority else "digital_signature"
    made = x509.CertificateBuilder().subject_name(_name("authority" if is_authority else "leaf"))
    made = made.issuer_name(_name("authority")).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(BEGINS).not_valid_after(ENDS)
    made = made.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    made = made.add_extension(x509.KeyUsage(**{each: each == usage for each in USAGES}), critical=True)
    made = made.add_extension(x509.SubjectAlternativeName([name]), critical=False)
    return made.sign(signs, hashes.SHA256())


def _name(word: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, word)])


if __name__ == "__main__":
    main()
