"""Reads over HTTP what a source of Envoys publishes: bounded, and each failure one line that names who failed.

Addresses do not stand in messages: they may hold a password, and mirrors are nobody's business.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from takeover.base.errors import TakeoverError

if TYPE_CHECKING:
    import httpx

LONGEST = 1800.0
"""Seconds that a download may take: 150 MB over a slow line."""

_SILENCE = 60.0
"""Seconds after which a server that says nothing is given up."""

_REDIRECTS = 10
_CHUNK = 1 << 20


class Web:
    """Somebody who is asked over HTTP.

    Args:
        who: how messages name them, for instance "GitHub".
    """

    def __init__(self, who: str) -> None:
        import httpx

        self.who = who
        self._client = httpx.Client(
            timeout=_SILENCE,
            follow_redirects=True,
            max_redirects=_REDIRECTS,
            headers={"accept-encoding": "identity", "user-agent": "envoy-takeover"},
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def read(self, url: str, headers: Mapping[str, str], longest: int) -> "tuple[httpx.Response, bytes]":
        """The answer, whatever its status, and its body, of at most `longest` bytes.

        Raises: TakeoverError when there is none, or when it is longer.
        """
        body = bytearray()
        with self._asked(url, headers) as response:
            for chunk in response.iter_raw(_CHUNK):
                body += chunk
                if len(body) > longest:
                    raise TakeoverError(f"{self.who} answers with more than {longest} bytes where a list is expected")
        return response, bytes(body)

    def save(self, url: str, headers: Mapping[str, str], file: Path, longest: int) -> tuple[int, str]:
        """Writes the body of an answer to a file. Returns its status and the SHA-256, in hexadecimal, of what came.

        What does not come with a status of 200 is not written.

        Raises: TakeoverError when it does not come whole, in `LONGEST`, or is longer than `longest` bytes; OSError.
        """
        ends = time.monotonic() + LONGEST
        digest, size = hashlib.sha256(), 0
        with self._asked(url, headers) as response:
            if response.status_code != 200:
                return response.status_code, ""
            with file.open("wb") as opened:
                for chunk in response.iter_raw(_CHUNK):
                    size += len(chunk)
                    if size > longest:
                        raise TakeoverError(f"{self.who} sends more than {longest} bytes: no Envoy is as large")
                    if time.monotonic() > ends:
                        raise TakeoverError(f"{self.who} had not sent it whole after {LONGEST:g} s")
                    digest.update(chunk)
                    opened.write(chunk)
        return 200, digest.hexdigest()

    def refusal(self, status: int, what: str, retry_after: str = "") -> TakeoverError:
        """The error for an answer of another status than 200."""
        if status == 429:
            after = f" (for {retry_after} s)" if retry_after.isdecimal() else ""
            return TakeoverError(f"{self.who} takes no more requests from here for now{after}, answer 429: try later")
        return TakeoverError(f"{self.who} answers {status} where it has {what}")

    @contextmanager
    def _asked(self, url: str, headers: Mapping[str, str]) -> "Iterator[httpx.Response]":
        import httpx

        is_safe = url.startswith("https:")

        def stays_safe(request: httpx.Request) -> None:
            if is_safe and request.url.scheme != "https" and not is_loopback(request.url.host):
                raise TakeoverError(f"{self.who} leads from an address with TLS to one without: not followed")

        self._client.event_hooks = {"request": [stays_safe]}
        try:
            with self._client.stream("GET", url, headers=dict(headers)) as response:
                yield response
        except httpx.TooManyRedirects:
            raise TakeoverError(f"{self.who} leads from one address to the next without end") from None
        except httpx.RemoteProtocolError:
            raise TakeoverError(f"what {self.who} sends breaks off: try again") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TakeoverError(
                f"{self.who} cannot be asked ({type(error).__name__}): where there is no network, give --envoy the "
                "path of a binary"
            ) from None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, without asking anybody."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
