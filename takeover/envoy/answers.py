"""What an Envoy says of a resource that its configuration is updated with."""

from dataclasses import dataclass
from typing import Literal

State = Literal["taken", "refused", "unanswered", "ended", "hangs"]


@dataclass(frozen=True)
class Answer:
    """What became of a resource.

    Args:
        state: `taken` by an ACK, `refused` by a NACK; `unanswered` by an Envoy that goes on otherwise; Envoy `ended` of
            it, or `hangs`.
        why: of a refusal, in Envoy's own words; of an end, the exit code (128 + the signal's number for a killed one).
        log: the lines that Envoy wrote meanwhile, warnings and what is worse.
    """

    state: State
    why: str = ""
    log: tuple[str, ...] = ()
