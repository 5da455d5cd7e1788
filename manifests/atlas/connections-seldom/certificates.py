"""Makes the certificates beside it anew: `python manifests/atlas/connections-seldom/certificates.py`.

A server that has a name of SPIFFE and no other, with its key, and who signed it. It needs the package cryptography.
"""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FOLDER = Path(__file__).parent
BEGINS = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
ENDS = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
DOMAIN = "spiffe://hostile.test"
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
          "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip


def main() -> None:
    """Writes both files."""
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    signed = _certificate(f"{DOMAIN}/ns/default/sa/server", server, authority, is_authority=False)
    key = server.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (FOLDER / "spiffe.pem").write_bytes(signed + key)
    (FOLDER / "spiffe-ca.pem").write_bytes(_certificate(DOMAIN, authority, authority, is_authority=True))


def _certificate(
    uri: str, key: ec.EllipticCurvePrivateKey, signs: ec.EllipticCurvePrivateKey, *, is_authority: bool
) -> bytes:
    usage = "key_cert_sign" if is_authority else "digital_signature"
    made = x509.CertificateBuilder().subject_name(_name(is_authority=is_authority))
    made = made.issuer_name(_name(is_authority=True)).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(BEGINS).not_valid_after(ENDS)
    made = made.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    made = made.add_extension(x509.KeyUsage(**{each: each == usage for each in USAGES}), critical=True)
    made = made.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
    return made.sign(signs, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _name(*, is_authority: bool) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority" if is_authority else "server")])


if __name__ == "__main__":
    main()
