"""The errors that users see as one line."""

from takeover.base.visible import visible_line

_LONGEST_BEGIN, _LONGEST_END = 3_000, 1_000


class TakeoverError(Exception):
    """Something the user can mend; the message names the thing and the remedy in one line.

    Args:
        message: may repeat what stands in anybody's file: what is not printable in it is written out, what is endless
            is cut.
    """

    def __init__(self, message: str) -> None:
        line = visible_line(message)
        if (more := len(line) - _LONGEST_BEGIN - _LONGEST_END) > 0:
            line = f"{line[:_LONGEST_BEGIN]}… ({more} more characters) …{line[-_LONGEST_END:]}"
        super().__init__(line)


class BadInputError(TakeoverError):
    """An option, a manifest or a version is wrong. A run ends with pytest's usage error (4)."""


class LostError(TakeoverError):
    """What was deployed, or the way to it, was lost, and by no doing of Envoy's: nothing can be said of Envoy.

    Args:
        message: one line that says what was lost.
        details: title → text of each account, for instance {"events of outpod": "…"}.
    """

    def __init__(self, message: str, details: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.details = details or {}


class NotRemovedError(TakeoverError):
    """What a run made is still there at its end; the message names it, and how to look."""


class DeploymentError(TakeoverError):
    """A scenario did not come up. `details` holds what each container logged, for the report.

    Args:
        message: one line that names the Pod, the container and what was last seen.
        details: title → text of each account, for instance {"log of outpod/envoyproxy": "…"}.
        container: the one because of which it did not, as POD/CONTAINER, where that is known.
        exit_code: how it ended, if it did: 128 + the signal's number for a killed one.
    """

    def __init__(
        self, message: str, details: dict[str, str] | None = None, container: str = "", exit_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.details = details or {}
        self.container = container
        self.exit_code = exit_code
