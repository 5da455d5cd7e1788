"""Hosts of requests that a virtual host's domain takes, and just does not."""

from collections.abc import Iterator

from takeover.check.derive.choosing import WORD
from takeover.check.derive.stripping import Stripping


def of(domain: str) -> Iterator[str]:
    """Authorities that the domain takes."""
    if domain == "*":
        yield from (f"{WORD}.example", "another.test")
    elif domain.startswith("*"):
        yield from (WORD + domain[1:], f"{WORD}.a{domain[1:]}")
    elif domain.endswith("*"):
        yield from (domain[:-1] + WORD, f"{domain[:-1]}{WORD}.example")
    else:
        yield domain


def just_not(domain: str) -> Iterator[str]:
    """Authorities that it just does not take."""
    if domain == "*":
        return
    if domain.startswith("*"):
        yield domain[1:].lstrip(".-") or WORD
        yield WORD + domain[1:] + "x"
    elif domain.endswith("*"):
        yield domain[:-1].rstrip(".-") or WORD
        yield "x" + domain[:-1] + WORD
    else:
        yield f"x{domain}"
        yield f"x.{domain}"


def why_none(domain: str, stripping: Stripping) -> str:
    """Why no host was found that only that domain takes."""
    port = domain.rpartition(":")[2]
    if port.isdecimal() and stripping.takes(int(port)):
        return f"the port of {domain} is taken away before"
    return f"other virtual hosts take all of {domain}"
