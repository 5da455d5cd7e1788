"""Writes config/sds.yaml beside it: the certificate that is in use, and the next one, of which nobody has asked yet.

    python manifests/xds-under-traffic/certificates.py

Nobody need run it: what it wrote is there. It needs the package `cryptography`.
"""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NAMES = ("one.example", "other.example")
_HEAD = """\
# Written by certificates.py. These keys protect nothing: everybody has them.
resources:
"""
_RESOURCE = """\
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: {name}
  tls_certificate:
    certificate_chain:
      inline_string: |
{certificate}
    private_key:
      inline_string: |
{key}
"""


def main() -> None:
    """Writes both."""
    path = Path(__file__).parent / "config" / "sds.yaml"
    path.write_text(_HEAD + "".join(map(_secret, ("certificate", "next"))))


def _secret(name: str) -> str:
    """A certificate that signs itself, valid for a century."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    builder = builder.not_valid_after(datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC))
    names = x509.SubjectAlternativeName([x509.DNSName(each) for each in _NAMES])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return _RESOURCE.format(name=name, certificate=_indented(pem), key=_indented(written))


def _indented(pem: bytes) -> str:
    return "\n".join(f"        {line}" for line in pem.decode().splitlines())


if __name__ == "__main__":
    main()
