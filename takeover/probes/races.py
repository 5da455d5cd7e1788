"""What Envoy, its client and the kernel race for: where a log entry says so, some of an observation is left out."""

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Race:
    """What is left out of an observation in which one of Envoy's log entries has such flags and details.

    Args:
        marks: a pattern of "FLAGS DETAILS".
        counters: a pattern of names.
        fields: of the log entries; they become "<race>".
        end: what stands for either "closed" or "reset"; empty if these are no race.
    """

    name: str
    marks: re.Pattern[str]
    reason: str
    counters: re.Pattern[str] = re.compile(r"$.")  # none
    fields: tuple[str, ...] = ()
    end: Literal["", "closed"] = ""


RACES = (
    Race(
        "client-left",
        re.compile(r"downstream_remote_disconnect"),
        "the client was gone before the answer: how far the connection with the upstream had come by then is a race",
        counters=re.compile(r"^cluster\."),
        fields=("upstream_host",),
    ),
    Race(
        "blocked",
        re.compile(r"^(UH|NC|URX) None"),
        "Envoy closes at once, and the kernel makes that a reset if bytes of the client have come by then",
        end="closed",
    ),
    Race(
        "upstream-refused",
        re.compile(r"^UF,URX None"),
        "Envoy closes when its own connection fails: a reset, by the kernel, if bytes of the client have come by then",
        end="closed",
    ),
    Race(
        "head-too-large",
        re.compile(r"^DPE http1\.headers_too_large"),
        "Envoy refuses a head before it has read all of it: a reset, by the kernel, if the rest comes after that",
        end="closed",
    ),
)

MOST_ROUNDS = 32
"""So many entries of a log tell what a probe did. Envoy that begins anew with a request until its client leaves writes
as many as there is time for: how many more, and how far its counters got, is chance."""
