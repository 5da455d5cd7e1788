"""Writes certificates.yaml beside it: a Secret of each certificate of this scenario, valid for a century.

    python manifests/mesh-mutual-tls/certificates.py

Nobody need run it: what it wrote is there. It needs the package `cryptography`. Identities are URIs, as SPIFFE has
them: spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/NAME.
"""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CENTURY, _OVER = (2020, 2120), (2020, 2021)
"""The years at whose beginning a certificate begins and ends."""
_MESH, _STRANGERS = "mesh", "strangers"
_IDENTITY = "spiffe://mesh.example/ns/{}/sa/{}"

# Secret → who signed it, for whom, when it is valid.
CERTIFICATES = {
    "front": (_MESH, _IDENTITY.format("default", "front"), _CENTURY),
    "back": (_MESH, _IDENTITY.format("default", "back"), _CENTURY),
    # Of the mesh's authority, and yet nobody whom this mesh's Pods let in.
    "elsewhere": (_MESH, _IDENTITY.format("elsewhere", "front"), _CENTURY),
    "expired": (_MESH, _IDENTITY.format("default", "front"), _OVER),
    # The right name, of an authority that nobody trusts.
    "stranger": (_STRANGERS, _IDENTITY.format("default", "front"), _CENTURY),
    # The world outside.
    "secure": (_STRANGERS, "secure.example", _CENTURY),
}
_OBJECT = """\
apiVersion: v1
kind: Secret
metadata:
  name: {name}
  namespace: {namespace}
type: kubernetes.io/tls
stringData:
"""


def main() -> None:
    """Writes all of them."""
    authorities = {each: _authority(each) for each in (_MESH, _STRANGERS)}
    comment = "# Written by certificates.py. These keys protect nothing: everybody has them.\n"
    texts = [_secret(name, authorities) for name in CERTIFICATES]
    Path(__file__).with_name("certificates.yaml").write_text(comment + "---\n".join(texts))


def _authority(name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
    builder = _begun(subject, subject, key, _CENTURY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.sign(key, hashes.SHA256()), key


def _secret(name: str, authorities: dict[str, tuple[x509.Certificate, ec.EllipticCurvePrivateKey]]) -> str:
    signer, identity, years = CERTIFICATES[name]
    authority, authoritys_key = authorities[signer]
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    told = x509.UniformResourceIdentifier(identity) if "://" in identity else x509.DNSName(identity)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = _begun(subject, authority.subject, key, years)
    builder = builder.add_extension(x509.SubjectAlternativeName([told]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    certificate = builder.sign(authoritys_key, hashes.SHA256())
    # What a Pod trusts is its mesh's authority, whoever signed its own certificate.
    trusted = authority if name == "secure" else authorities[_MESH][0]
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files = {
        "tls.crt": certificate.public_bytes(pem),
        "tls.key": key.private_bytes(pem, form, serialization.NoEncryption()),
        "ca.crt": trusted.public_bytes(pem),
    }
    text = _OBJECT.format(name=name, namespace="internet" if name == "secure" else "default")
    for file, content in files.items():
        text += f"  {file}: |\n" + "".join(f"    {line}\n" for line in content.decode().splitlines())
    return text


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, years: tuple[int, int]
) -> x509.CertificateBuilder:
    begin, end = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in years)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)


if __name__ == "__main__":
    main()
