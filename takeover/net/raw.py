"""Raw bytes over a connection: what came back, and how the connection ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from takeover.net import bounds
from takeover.net.stream import ByteStream

End = Literal["closed", "reset", "open", "refused", "endless"]


@dataclass(frozen=True)
class Conversation:
    """What the client saw: every byte, and how the connection ended.

    "open": it had not ended by then; "refused": it never began; "endless": more came than is taken in.
    """

    received: bytes
    end: End


def converse(
    stream: ByteStream, data: bytes, timeout: float = 5.0, enough: Callable[[bytes], bool] = lambda _: False
) -> Conversation:
    """Sends `data` and receives until the connection ends or what came is `enough`, for at most `timeout` seconds.

    What comes without a pause then is taken in for some seconds more: see `takeover.net.bounds`.
    """
    received = b""
    deadline = time.monotonic() + timeout
    try:
        if data:
            stream.send(data)
        while chunk := bounds.receive(stream, deadline, len(received)):
            received += chunk
            if enough(received):
                return Conversation(received, "open")
    except TimeoutError:
        return Conversation(received, "open")
    except bounds.EndlessError:
        return Conversation(received, "endless")
    except (ConnectionResetError, BrokenPipeError):
        return Conversation(received, "reset")
    return Conversation(received, "closed")
