"""Makes the certificates beside it anew: `python manifests/atlas/tls-upstream/certificates.py`.

Each signs itself, and says by its key usage that its key is for one thing alone. It needs the package cryptography.
"""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

FOLDER = Path(__file__).parent
BEGINS = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
ENDS = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
          "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip


def main() -> None:
    """Writes every file."""
    _write("rsa-signs", "digital_signature", rsa.generate_private_key(65537, 2048))
    _write("rsa-enciphers", "key_encipherment", rsa.generate_private_key(65537, 2048))
    _write("elliptic-signs", "digital_signature", ec.generate_private_key(ec.SECP256R1()))


def _write(file: str, usage: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{file}.test")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(BEGINS).not_valid_after(ENDS)
    made = made.add_extension(x509.KeyUsage(**{each: each == usage for each in USAGES}), critical=True)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(f"{file}.test")]), critical=False)
    text = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (FOLDER / f"{file}.pem").write_bytes(text)


if __name__ == "__main__":
    main()
