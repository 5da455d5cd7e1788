"""Secrets that can be told in any text by how they look: tokens, keys, passwords in URLs, headers that carry them."""

import base64
import binascii
import re
from collections.abc import Iterator

from takeover.check.given.secret_names import SECRET

# Without one of the words before it (in small letters) a text has none: most have none, and are looked at but once.
_LOOKS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    # Keys and certificates, also with their lines escaped.
    (("-----begin",), re.compile(r"-----BEGIN [A-Z0-9 ]+-----(?P<secret>.*?)(?=-----END|\Z)", re.DOTALL)),
    # JSON Web Tokens.
    (("eyj",), re.compile(r"\b(?P<secret>eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?)")),
    (
        ("bearer", "negotiate"),
        re.compile(r"\b(?:Bearer|Negotiate)\s+(?P<secret>[A-Za-z0-9._~+/=-]{6,})", re.IGNORECASE),
    ),
    # User and password of a URL.
    (("://",), re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{0,20}://(?P<secret>[^/\s:@\"'<>]*:[^/\s@\"'<>]+)@")),
    # Those that say themselves whose they are: of AWS, GitHub, GitLab, Google, Slack, Stripe, Vault.
    (
        ("akia", "asia", "gh", "glpat-", "aiza", "xox", "k_live_", "k_test_", "hvs.", "hvb."),
        re.compile(
            r"\b(?P<secret>(?:AKIA|ASIA)[A-Z0-9]{16}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
            r"|AIza[\w-]{30,}|xox[abprs]-[\w-]{10,}|[rs]k_(?:live|test)_\w{10,}|hv[sb]\.[\w-]{20,})"
        ),
    ),
    # What carries them, with any value.
    (
        ("authorization", "cookie", "token", "key", "secret", "-auth", "signature", "password"),
        re.compile(
            r"(?:\b(?:proxy-)?authorization|\b(?:set-)?cookie2?"
            r"|\bx(?:-[a-z0-9]{1,20}){0,4}-(?:token|key|secret|auth|signature|password)|\bapi-?key|\bprivate-token)"
            r"[\"']?\s*[:=]\s*[\"']?(?P<secret>[^\"'\r\n]{3,})",
            re.IGNORECASE,
        ),
    ),
)
_BASIC = re.compile(r"\bBasic\s+(?P<secret>[A-Za-z0-9+/_-]{4,}={0,2})", re.IGNORECASE)
_PARAMETER = re.compile(r"[?&;](?P<name>[\w.\[\]-]{1,60})=(?P<secret>[^&\s;#\"'<>]{3,})")


def embedded(text: str) -> Iterator[str]:
    """The secrets that look like ones in a text, the lines of a longer one each."""
    for start, end in spans(text):
        for line in text[start:end].replace("\\n", "\n").splitlines():
            if len(line.strip()) >= 3:
                yield line.strip()


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where they are in it."""
    small = text.lower()
    for words, look in _LOOKS:
        if any(each in small for each in words):
            yield from (each.span("secret") for each in look.finditer(text))
    if "basic" in small:
        yield from (each.span("secret") for each in _BASIC.finditer(text) if _is_password(each["secret"]))
    yield from (each.span("secret") for each in _PARAMETER.finditer(text) if SECRET.search(each["name"]))


def _is_password(text: str) -> bool:
    """Whether it is a user and a password in base64: "basic" is a word of prose, too."""
    try:
        return b":" in base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_")
    except (binascii.Error, ValueError):
        return False
