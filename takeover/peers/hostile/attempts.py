"""What is done to the first attempt of a request alone: `once-NAME`. Who tries again sends the same x-request-id."""

import threading
from collections import OrderedDict

_ONCE = "once-"
_MOST = 10_000  # ids that are kept
_tried: OrderedDict[str, None] = OrderedDict()
_changing = threading.Lock()


def of_attempt(name: str, request_id: str | None) -> str:
    """The behaviour of this attempt: of `once-NAME` the first one's is NAME, each other's is to echo.

    Args:
        name: of what is asked for.
        request_id: the request's own; without one nobody knows an attempt from another, and all are echoed.
    """
    if not name.startswith(_ONCE):
        return name
    if not request_id:
        return ""
    with _changing:
        is_first = request_id not in _tried
        _tried[request_id] = None
        if len(_tried) > _MOST:
            _tried.popitem(last=False)
    return name.removeprefix(_ONCE) if is_first else ""
