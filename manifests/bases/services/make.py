"""Makes the keys and the tokens beside it: `python manifests/bases/services/make.py`.

`keys.pem` is made once: where it is there, its keys stay, and tokens that are signed by RSA, Ed25519 or HMAC stay
as they are. It needs the package cryptography.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

FOLDER = Path(__file__).parent
KEYS = FOLDER / "keys.pem"
FAR_AWAY = 4102444800
"""2100-01-01."""
LONG_AGO = 946684800
"""2000-01-01."""
SECRET = b"a secret of tests, thirty-two by"

CLAIMS: dict[str, Any] = {
    "iss": "https://issuer.test",
    "sub": "alice",
    "aud": ["app", "other"],
    "exp": FAR_AWAY,
    "nested": {"tenant": "blue", "level": 3},
    "groups": ["staff", "admins"],
    "admin": True,
    "scope": "read write",
}
TOKENS: dict[str, tuple[str, dict[str, Any]]] = {
    "rs256": ("RS256", {}),
    "es256": ("ES256", {}),
    "eddsa": ("EdDSA", {}),
    "hs256": ("HS256", {}),
    "expired": ("HS256", {"exp": LONG_AGO}),
    "not-yet": ("HS256", {"nbf": FAR_AWAY - 1}),
    "no-expiry": ("HS256", {"exp": None}),
    "bob": ("HS256", {"sub": "bob"}),
    "no-subject": ("HS256", {"sub": None}),
    "other-audience": ("HS256", {"aud": "elsewhere"}),
    "one-audience": ("HS256", {"aud": "app"}),
    "no-audience": ("HS256", {"aud": None}),
    "other-issuer": ("HS256", {"iss": "https://elsewhere.test"}),
    "second-issuer": ("HS256", {"iss": "https://second.test"}),
    "no-issuer": ("HS256", {"iss": None}),
    "long-lived": ("HS256", {"nbf": LONG_AGO, "iat": LONG_AGO}),
    "unknown-key": ("HS256 unknown", {}),
    "no-key-id": ("HS256 none", {}),
    "none": ("none", {}),
}
"""Name → the algorithm (and a key's id, if not its own; "none": without one), and claims beside the usual ones."""


def main() -> None:
    """Writes jwks.json and tokens.txt, and keys.pem where there is none."""
    if not KEYS.exists():
        made = (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1()))
        KEYS.write_bytes(b"".join(map(_pem, (*made, ed25519.Ed25519PrivateKey.generate()))))
    texts = [each + "-----END PRIVATE KEY-----\n" for each in KEYS.read_text().split("-----END PRIVATE KEY-----\n")[:3]]
    of_rsa, of_ec, of_ed = (serialization.load_pem_private_key(each.encode(), None) for each in texts)
    assert isinstance(of_rsa, rsa.RSAPrivateKey)
    assert isinstance(of_ec, ec.EllipticCurvePrivateKey)
    assert isinstance(of_ed, ed25519.Ed25519PrivateKey)
    (FOLDER / "jwks.json").write_text(json.dumps({"keys": _jwks(of_rsa, of_ec, of_ed)}, indent=1) + "\n")
    lines = []
    for name, (written, claims) in TOKENS.items():
        algorithm, _, key = written.partition(" ")
        head = {"alg": algorithm, "typ": "JWT"}
        if key != "none":
            head["kid"] = key or algorithm.lower()
        body = {each: value for each, value in (CLAIMS | claims).items() if value is not None}
        signed = f"{_base64(_json(head))}.{_base64(_json(body))}".encode()
        signature = {
            "RS256": lambda data: of_rsa.sign(data, padding.PKCS1v15(), hashes.SHA256()),
            "ES256": lambda data: _plain(of_ec.sign(data, ec.ECDSA(hashes.SHA256()))),
            "EdDSA": of_ed.sign,
            "HS256": lambda data: hmac.digest(SECRET, data, hashlib.sha256),
            "none": lambda _: b"",
        }[algorithm](signed)
        lines.append(f"{name} {signed.decode()}.{_base64(signature)}\n")
    (FOLDER / "tokens.txt").write_text("".join(lines))


def _jwks(
    of_rsa: rsa.RSAPrivateKey, of_ec: ec.EllipticCurvePrivateKey, of_ed: ed25519.Ed25519PrivateKey
) -> list[dict[str, str]]:
    numbers, point = of_rsa.public_key().public_numbers(), of_ec.public_key().public_numbers()
    raw = of_ed.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return [
        {"kty": "RSA", "kid": "rs256", "alg": "RS256", "n": _number(numbers.n, 256), "e": "AQAB"},
        {"kty": "EC", "kid": "es256", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)},
        {"kty": "OKP", "kid": "eddsa", "crv": "Ed25519", "x": _base64(raw)},
        {"kty": "oct", "kid": "hs256", "alg": "HS256", "k": _base64(SECRET)},
    ]


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _plain(signature: bytes) -> bytes:
    first, second = utils.decode_dss_signature(signature)
    return first.to_bytes(32, "big") + second.to_bytes(32, "big")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _number(value: int, size: int) -> str:
    return _base64(value.to_bytes(size, "big"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
