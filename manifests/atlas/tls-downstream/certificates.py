"""Makes the certificates beside it anew: `python manifests/atlas/tls-downstream/certificates.py`.

An authority, one below it, servers with keys of each kind, clients (one of them revoked), the list of those that are
revoked, and what a responder says of a server (OCSP). It needs the package cryptography.
"""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER = Path(__file__).parent
BEGINS = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
ENDS = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
          "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def main() -> None:
    """Writes every file."""
    root_key, below_key = _elliptic(), _elliptic()
    root = _authority("atlas CA", "atlas CA", root_key, root_key, length=1)
    below = _authority("atlas CA below", "atlas CA", below_key, root_key, length=0)
    _write("authority", root)
    _write("authority-below", below)
    elliptic = _server("a.atlas.test", _elliptic(), root, root_key)
    _server("rsa.atlas.test", rsa.generate_private_key(65537, 2048), root, root_key, file="a-rsa", name="a.atlas.test")
    _server("p384.atlas.test", ec.generate_private_key(ec.SECP384R1()), root, root_key, file="b")
    _client("friend", root, root_key, "client-friend")
    revoked = _client("revoked", root, root_key, "client-revoked")
    _client("below", below, below_key, "client-below", chain=[below])
    _client("beyond", below, below_key, "client-without-chain")
    listed = x509.RevokedCertificateBuilder().serial_number(revoked.serial_number).revocation_date(BEGINS).build()
    crl = x509.CertificateRevocationListBuilder().issuer_name(root.subject).last_update(BEGINS).next_update(ENDS)
    _write("revoked", crl.add_revoked_certificate(listed).sign(root_key, hashes.SHA256()))
    said = ocsp.OCSPResponseBuilder().add_response(
        elliptic,
        root,
        hashes.SHA1(),  # noqa: S303 - what responders are asked for
        ocsp.OCSPCertStatus.GOOD,
        BEGINS,
        ENDS,
        None,
        None,
    )
    answer = said.responder_id(ocsp.OCSPResponderEncoding.HASH, root).sign(root_key, hashes.SHA256())
    (FOLDER / "a.ocsp").write_bytes(answer.public_bytes(serialization.Encoding.DER))


def _elliptic() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _server(
    common: str,
    key: Key,
    issuer: x509.Certificate,
    issuer_key: Key,
    file: str = "a",
    name: str = "",
) -> x509.Certificate:
    names = x509.SubjectAlternativeName([x509.DNSName(name or common), x509.DNSName(f"*.{name or common}")])
    made = _begun(common, issuer.subject, key).add_extension(names, critical=False)
    made = made.add_extension(x509.ExtendedKeyUsage([SERVER]), critical=False)
    signed = made.sign(issuer_key, hashes.SHA256())
    _write(file, signed, key=key)
    return signed


def _client(
    name: str, issuer: x509.Certificate, issuer_key: Key, file: str, chain: list[x509.Certificate] | None = None
) -> x509.Certificate:
    key = _elliptic()
    names = [
        x509.DNSName(f"{name}.atlas.test"),
        x509.UniformResourceIdentifier(f"spiffe://atlas.test/{name}"),
        x509.RFC822Name(f"{name}@atlas.test"),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c" + bytes([len(name)]) + name.encode()),
    ]
    made = _begun(name, issuer.subject, key).add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = made.add_extension(x509.ExtendedKeyUsage([CLIENT]), critical=False)
    # Who checks SPIFFE's rules refuses a certificate that does not say what it may sign.
    signed = made.add_extension(_usage("digital_signature"), critical=True).sign(issuer_key, hashes.SHA256())
    _write(file, signed, *(chain or []), key=key)
    return signed


def _authority(name: str, issuer: str, key: Key, issuer_key: Key, length: int) -> x509.Certificate:
    made = _begun(name, _named(issuer), key)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
    made = made.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    return made.sign(issuer_key, hashes.SHA256())


def _usage(*wanted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{each: each in wanted for each in USAGES})


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "atlas, of tests"),
                      x509.NameAttribute(NameOID.COMMON_NAME, name)])  # fmt: skip


def _begun(name: str, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    made = x509.CertificateBuilder().subject_name(_named(name)).issuer_name(issuer).public_key(key.public_key())
    return made.serial_number(x509.random_serial_number()).not_valid_before(BEGINS).not_valid_after(ENDS)


def _write(name: str, *parts: x509.Certificate | x509.CertificateRevocationList, key: Key | None = None) -> None:
    text = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in parts)
    if key is not None:
        text += key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    (FOLDER / f"{name}.pem").write_bytes(text)


if __name__ == "__main__":
    main()
