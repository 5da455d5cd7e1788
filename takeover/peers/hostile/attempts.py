"""What is done to the first attempt of a request alone: `once-NAME`. Who tries again sends the same x-request-id.

The others are no echo: in their heads is how much is left of the time for all of them.
"""

import threading
from collections import OrderedDict

_ONCE, _AFTERWARDS = "once-", "no-content"
_MOST = 10_000  # ids that are kept
_tried: OrderedDict[str, None] = OrderedDict()
_changing = threading.Lock()


def of_attempt(name: str, request_id: str | None) -> str:
    """The behaviour of this attempt: of `once-NAME` the first one's is NAME, each other's an answer without content.

    Args:
        name: of what is asked for.
        request_id: the request's own; without one nobody knows an attempt from another, and none is the first.
    """
    if not name.startswith(_ONCE):
        return name
    if not request_id:
        return _AFTERWARDS
    with _changing:
        is_first = request_id not in _tried
        _tried[request_id] = None
        if len(_tried) > _MOST:
            _tried.popitem(last=False)
    return name.removeprefix(_ONCE) if is_first else _AFTERWARDS
