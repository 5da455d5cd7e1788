"""The results of one Envoy, as a document: everything that was tested and seen. Its JSON schema is published.

All text is as the named rules of normalisation leave it: what differs from run to run by nature is not in it, but in
`removed`, which tells what the rules took out.
"""

import signal
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from takeover.model.checked import Checked
from takeover.model.measurement import Measurement
from takeover.model.removed import Removed
from takeover.model.request import ProbeRequest
from takeover.model.root_file_system import RootFileSystem
from takeover.model.tls import TlsObserved
from takeover.model.trace import Hop

SCHEMA: Final = 1
"""The number of this form. It changes whenever a reader of the old form would misunderstand the new one."""

State = Literal["pass", "fail", "known-failure", "unsupported", "not-run", "not-judged"]
"""How a test ended: `known-failure` was declared and failed; `unsupported` was not tried, `not-run` not reached;
`not-judged` ran on what was lost meanwhile, by no doing of Envoy's."""

UNDECIDED: Final[frozenset[State]] = frozenset({"not-run", "not-judged"})
"""The states that say nothing of Envoy."""


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    """Strict: a field that this program does not know could hold a difference that it does not see."""


class Envoy(_Part):
    """The binary, as the Envoy that ran says. `name` is what `--envoy` called it.

    `sha256` is in hexadecimal; empty for an image's binary, of which nobody knows it, as what no Envoy has said.
    """

    name: str
    version: str
    commit: str
    build: str
    sha256: str


class Outcome(_Part):
    """A test's result. `name` is its `id` without the Envoy; `evidence`: for each watched block its hops, in order.

    `measurements`: what it judged by numbers.
    """

    id: str
    scenario: str
    name: str
    state: State
    reason: str = ""
    seconds: float = 0.0
    evidence: list[list[Hop]] = []
    measurements: list[Measurement] = []


LogEntry = dict[str, Any]
"""An entry of Envoy's access log: JSON's types by the names that the scenario's own config gives them."""


class Interim(_Part):
    """An answer before the last one (1xx), with its headers in order."""

    status: int
    reason: str = ""
    headers: list[tuple[str, str]] = []


class Breakdown(_Part):
    """How an Envoy broke down under a probe; what was observed of the probe until then stands beside it.

    Args:
        envoy: which one, as POD/CONTAINER.
        how: `ended`: its process did. `hangs`: it runs, and its admin API or a worker does not go on. `not-started`.
        exit_code: 128 + the signal's number for a killed one; None where it has not ended, or nobody can tell.
        why: by what that was noticed; it may be another in each run.
        log: the last lines that it wrote; likewise.
    """

    envoy: str
    how: Literal["ended", "hangs", "not-started"]
    exit_code: int | None = None
    why: str = ""
    log: list[str] = []

    def __str__(self) -> str:
        code = "" if self.exit_code is None else _exit_code(self.exit_code)
        match self.how:
            case "ended":
                return f"ends with {code}" if code else "ends"
            case "hangs":
                return "hangs"
            case "not-started":
                return f"does not start ({code})" if code else "does not start"


def _exit_code(code: int) -> str:
    try:
        return f"signal {code - 128} ({signal.Signals(code - 128).name})"
    except ValueError:
        return f"exit code {code}"


End = Literal["closed", "reset", "open", "refused", "endless"]
"""How a connection ended."""


class OtherConnection(_Part):
    """What was visible of a connection that was open beside the one that is observed.

    Args:
        status: None: no answer came, or the protocol has none.
        answered: whether anything came.
        end: how it had ended when the observed one was done; see `Observation`.
        alert: the peer's last alert of TLS.
    """

    status: int | None
    answered: bool
    end: End
    alert: str = ""

    def __str__(self) -> str:
        answer = str(self.status) if self.status is not None else "answered" if self.answered else "no answer"
        return ", ".join(filter(None, (answer, self.end, self.alert and f"alert {self.alert}")))


class StreamAnswer(_Part):
    """What was visible of a further stream of a probe's connection: see `Observation`."""

    stream: int
    status: int | None
    headers: list[tuple[str, str]] = []
    body: str = ""
    trailers: list[tuple[str, str]] = []
    end: str = ""


class Observation(_Part):
    """All that was visible of a probe.

    Args:
        status: None: no answer came.
        reason: the reason phrase; empty in HTTP/2.
        protocol: the answer's, for instance "HTTP/1.1".
        headers: name and value in the order in which they came; trailers likewise.
        end: how the connection ended; `open`: it had not when the probe's time was up; `endless`: more came than is
            taken in (16 MiB), or still came seconds later.
        log: Envoy's access log, one entry for each request or connection; of several Envoys, `envoy` in it says whose.
        stats: the counters that moved, and by how much; where Envoy does not come to rest, also the connections and
            requests that are still open. Of several Envoys, "(POD/CONTAINER)" after the name says whose.
        gauges: those that are not as they were before, once Envoy is at rest again, and what they are; names as of
            `stats`. Not there in older results, and where an Envoy did not come to rest.
        warnings: of Envoy's own log; of several, after "POD/CONTAINER: ".
        breakdown: where an Envoy broke down; then nobody could ask it for its counters.
        stream_end: how the answer's stream ended, where that is observed apart from its connection's end: `closed`
            (END_STREAM), `reset CODE` or `open`.
        frames: what came frame by frame, each in few words, where a probe sends frames.
        streams: the answers on the connection's other streams.
        messages: what came message by message, where the protocol has messages.
        tls: what was seen of TLS below the protocol; not there where there was none.
        others: the connections that a probe of several opened before this one and kept, in order.
        upstream: the connections that came to the upstream meanwhile, each by its facts: `server`, `end`, `requests`,
            `tls.offered.supported_groups` …; where the group asks for them.
    """

    status: int | None
    reason: str = ""
    protocol: str = ""
    headers: list[tuple[str, str]] = []
    body: str = ""
    end: End = "closed"
    interim: list[Interim] = []
    trailers: list[tuple[str, str]] = []
    log: list[LogEntry] = []
    stats: dict[str, int] = {}
    warnings: list[str] = []
    breakdown: Breakdown | UnsetType = UNSET
    stream_end: str | UnsetType = UNSET
    frames: list[str] | UnsetType = UNSET
    streams: list[StreamAnswer] | UnsetType = UNSET
    messages: list[str] | UnsetType = UNSET
    tls: TlsObserved | UnsetType = UNSET
    others: list[OtherConnection] | UnsetType = UNSET
    gauges: dict[str, int] | UnsetType = UNSET
    upstream: list[dict[str, str]] | UnsetType = UNSET


class ProbeResult(_Part):
    """A request, enough to repeat it with curl, and what was observed of it. `probe` is GROUP/PROBE."""

    scenario: str
    probe: str
    request: ProbeRequest
    observation: Observation = msgspec.field(name="seen")


class UnstableAspect(_Part):
    """What was not always the same on one Envoy: in so many of a probe's repeats it was otherwise than at first.

    `kind` and `what` are those of a difference; of a line of Envoy's log `what` is the line.
    """

    kind: str
    what: str
    otherwise: int


class RepeatedProbe(_Part):
    """A probe that Envoys differed in, and that was made again on this one, `times` times, at the end of the run."""

    scenario: str
    probe: str
    times: int
    unstable: list[UnstableAspect] = []


class ConfigResult(_Part):
    """Whether Envoy takes a config: a scenario's of `manifests/`, the article's as it was written, or the corpus's.

    Of the corpus `scenario` is its "FILE/NAME".
    """

    scenario: str
    source: Literal["manifest", "as-written", "corpus"]
    loads: bool
    error: str = ""
    warnings: list[str] = []


class SweptProbe(_Part):
    """What was observed of a request to a listener with a variant's value."""

    name: str
    observation: Observation = msgspec.field(name="seen")


class Variant(_Part, omit_defaults=True):
    """A scenario's configuration with one field set to another value, and what a running Envoy said of it.

    Args:
        name: the field, by the types in which it stands, and the value.
        state: by an update of its configuration Envoy has `taken` or `refused` it; has given no answer (`unanswered`);
            it `ended` of it, or `hangs`. `unstable`: alone it did now this, now that; that is no difference.
        error: why it was refused, how Envoy ended, or what it did by turns.
        warnings: what Envoy's log says of it.
        config: the smallest configuration found that Envoys answer otherwise; only where they do.
        probes: likewise, where what was observed is otherwise.
    """

    scenario: str
    name: str
    state: Literal["taken", "refused", "unanswered", "ended", "hangs", "unstable"]
    error: str = ""
    warnings: list[str] = []
    config: str = ""
    probes: list[SweptProbe] = []


class Sweep(_Part):
    """What came of a sweep: base configurations with one field at a time set to each of a few values.

    Args:
        variants: in the order in which they were asked.
        fields: how many fields they are of.
        fields_left_out: how many fields the bases have besides, of which no variant was asked in the time given.
        left_out: how many variants were not asked.
        probed: of how many variants what they do was observed, too.
        unstable: of how many an Envoy alone did now this, now that: what was observed of those is not told.
        seconds: how long asking took.
    """

    variants: list[Variant]
    fields: int
    fields_left_out: int = 0
    left_out: int = 0
    probed: int = 0
    unstable: int = 0
    seconds: float = 0.0


class BinaryResult(_Part):
    """What the binary offers: extensions as CATEGORY/NAME, statistics, command line flags, runtime guards."""

    extensions: list[str] = []
    stats: list[str] = []
    flags: list[str] = []
    guards: list[str] = []


class Inventory(msgspec.Struct):
    """What one Envoy by itself is, whatever traffic it gets: which configs it takes, what its binary holds.

    `binary` is None where nobody looked at that.
    """

    configs: list[ConfigResult]
    binary: BinaryResult | None = None


class Document(_Part):
    """What one run found of one Envoy.

    Args:
        written: the time in ISO 8601, UTC.
        complete: whether every test that was chosen came to its end; no for a run that was stopped.
        engine: where it ran.
        repeated: which probes were made again, because Envoys differed there; not there if none was.
        root_file_system: what containers saw, where an engine makes that itself.
        removed: what the rules of normalisation took out of observations; not there if nothing.
        delivery: how Envoy got its configuration, if not from the file as it is written: `file`, `ads`, `delta-ads`.
        sweep: what came of a sweep; not there if none was made.
        checked: of `takeover check`: what is not as in production, and what the probes reached of the configuration.
    """

    schema: Literal[1]
    written: str
    complete: bool
    engine: str
    envoy: Envoy
    tests: list[Outcome] = []
    probes: list[ProbeResult] = []
    configs: list[ConfigResult] = []
    binary: BinaryResult | None = None
    repeated: list[RepeatedProbe] | msgspec.UnsetType = msgspec.UNSET
    root_file_system: RootFileSystem | msgspec.UnsetType = msgspec.UNSET
    delivery: Literal["file", "ads", "delta-ads"] | msgspec.UnsetType = msgspec.UNSET
    sweep: Sweep | msgspec.UnsetType = msgspec.UNSET
    removed: list[Removed] | msgspec.UnsetType = msgspec.UNSET
    checked: Checked | msgspec.UnsetType = msgspec.UNSET


def json_schema() -> bytes:
    """The JSON schema (2020-12) of a document, as it is published in reports/schema.json."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The results of one Envoy",
        **msgspec.json.schema(Document),
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
