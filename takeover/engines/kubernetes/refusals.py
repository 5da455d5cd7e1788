"""What the API server answers instead of doing what it was asked to, as errors."""

from http import HTTPStatus

from takeover.base.errors import LostError, TakeoverError


class ApiError(TakeoverError):
    """The API server refused a call."""

    def __init__(self, what: str, status: int, reason: str, message: str) -> None:
        super().__init__(f"Kubernetes refused to {what}: {' '.join(message.split()) or reason or status}")
        self.status = status
        self.reason = reason
        self.message = message


class UnwellError(ApiError, LostError):
    """The API server, or what stands behind it, could not do what it was asked to."""


def refusal(what: str, status: int, reason: str, message: str) -> ApiError:
    """The error for an answer that is none: whose fault it is, the status tells, but for two."""
    # A field that the API does not know is a 500 in server-side apply.
    is_ours = "typed patch object" in message
    # One that has just started does not know its own roles yet.
    is_young = status == 403 and "RBAC: " in message and "not found" in message
    unwell = (status >= 500 and not is_ours) or status == 429 or is_young
    return (UnwellError if unwell else ApiError)(what, status, reason, message)


def phrase(status: int) -> str:
    """Such as "404 Not Found": the refusal of a websocket has no text that could be read."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
