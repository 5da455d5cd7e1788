"""Makes the certificates beside it anew: `python manifests/bases/certificates/make.py`.

Each file has a certificate and its key, but for the authorities', of which nobody needs the key again. It needs the
package cryptography.
"""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER = Path(__file__).parent
BEGINS = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
ENDS = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
ENDED = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)

AUTHORITIES = {"ca": "takeover test CA", "another-ca": "another test CA"}
"""File → common name. Clients of the upstream are to trust the first, and to know nothing of the other."""

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
NAMES = (
    "hostile.test", "*.hostile.test", "upstream.hostile", "upstream.hostile.svc",
    "upstream.hostile.svc.cluster.local", "localhost",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What a certificate has.

    Args:
        common_name: of its subject.
        names: DNS names for which it is.
        uris: for which it is, too, as those of SPIFFE.
    """

    common_name: str
    names: tuple[str, ...] = NAMES
    uris: tuple[str, ...] = ()
    issuer: str = "ca"
    usage: x509.ObjectIdentifier = SERVER
    ends: datetime.datetime = ENDS


CERTIFICATES = {
    "right": Wanted("right.hostile.test"),
    "expired": Wanted("expired.hostile.test", ends=ENDED),
    "other-name": Wanted("elsewhere.test", names=("elsewhere.test",)),
    "untrusted": Wanted("untrusted.hostile.test", issuer="another-ca"),
    "wrong-usage": Wanted("wrong-usage.hostile.test", usage=CLIENT),
    "client": Wanted("a client", names=(), uris=("spiffe://hostile.test/ns/default/sa/client",), usage=CLIENT),
    "client-expired": Wanted("an expired client", names=("client.test",), usage=CLIENT, ends=ENDED),
    "client-untrusted": Wanted("an untrusted client", names=("client.test",), issuer="another-ca", usage=CLIENT),
}
"""File → what is in it. All is as it should be but for what the name says."""


def main() -> None:
    """Writes every file."""
    authorities = {}
    for name, common_name in AUTHORITIES.items():
        key = ec.generate_private_key(ec.SECP256R1())
        made = _begun(common_name, common_name, key, ENDS)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        made = made.add_extension(_signs_certificates(), critical=True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        signed = made.sign(key, hashes.SHA256())
        authorities[name] = key
        (FOLDER / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    for name, wanted in CERTIFICATES.items():
        key = ec.generate_private_key(ec.SECP256R1())
        authority = authorities[wanted.issuer]
        made = _begun(wanted.common_name, AUTHORITIES[wanted.issuer], key, wanted.ends)
        alternatives = [*map(x509.DNSName, wanted.names), *map(x509.UniformResourceIdentifier, wanted.uris)]
        made = made.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        made = made.add_extension(x509.ExtendedKeyUsage([wanted.usage]), critical=False)
        issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
        signed = made.add_extension(issued_by, critical=False).sign(authority, hashes.SHA256())
        (FOLDER / f"{name}.pem").write_bytes(
            signed.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _begun(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, ends: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGINS)
        .not_valid_after(ends)
    )


if __name__ == "__main__":
    main()
