"""What one probe, test or message may add to a document: so much, and of the rest its length and its hash.

So two documents still differ where what was left out does. The whole is an artefact of the run.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from takeover.model.document import ConfigResult, Interim, Observation, Outcome, ProbeResult, StreamAnswer
from takeover.model.json import encode
from takeover.model.request import ProbeRequest
from takeover.model.tls import PeerCertificate, TlsObserved
from takeover.model.trace import AccessLogHop, DestinationHop, Hop

# In bytes of JSON, some times what the largest of the project's own need.
MOST_OF_A_PROBE = 65_536
MOST_OF_A_TEST = 524_288
MOST_OF_A_MESSAGE = 20_000
"""In characters."""

_MOST_OF_A_REASON = 2_000
# (characters of a text, entries of a list): the first pair that makes it small enough. Envoy takes 100 headers.
_STEPS = ((2_000, 120), (500, 120), (200, 20), (60, 5), (20, 2))
_LEAST_ENTRIES = 5


def cut(text: str, most: int, last: int = 0) -> str:
    """The text; of one that is longer than `most` characters its beginning, how much is left out, and its last ones."""
    if len(text) <= most:
        return text
    left_out = f"({len(text) - most} more characters, sha256 {_digest(text)})"
    return f"{text[: most - last]}… {left_out}{f' …{text[-last:]}' if last else ''}"


def message(text: str) -> str:
    """What an assertion, or a set-up, said: a traceback tells most at its end."""
    return cut(text, MOST_OF_A_MESSAGE, MOST_OF_A_MESSAGE * 3 // 4)


def probe(result: ProbeResult) -> ProbeResult:
    """The result itself, if it is not too large for a document; else what there is room for."""
    if len(encode(result)) <= MOST_OF_A_PROBE:
        return result
    for text, entries in _STEPS:
        shorter = replace(
            result,
            request=msgspec.convert(_shortened(msgspec.to_builtins(result.request), text, entries), ProbeRequest),
            observation=_Shortening(text, entries).observation(result.observation),
        )
        if len(encode(shorter)) <= MOST_OF_A_PROBE:
            break
    return shorter


def outcome(result: Outcome) -> Outcome:
    """Likewise: first its texts are shortened, then there are fewer entries of logs, then none of its evidence."""
    result = replace(result, reason=cut(result.reason, _MOST_OF_A_REASON))
    if len(encode(result)) <= MOST_OF_A_TEST:
        return result
    text, _ = _STEPS[0]
    evidence = msgspec.convert(_shortened(msgspec.to_builtins(result.evidence), text), list[list[Hop]])
    shorter = replace(result, evidence=evidence)
    if len(encode(shorter)) > MOST_OF_A_TEST:
        shorter = replace(shorter, evidence=[list(map(_with_few_entries, block)) for block in evidence])
    return shorter if len(encode(shorter)) <= MOST_OF_A_TEST else replace(shorter, evidence=[], measurements=[])


def config(result: ConfigResult) -> ConfigResult:
    """Likewise."""
    text, entries = _STEPS[0]
    return replace(
        result,
        error=cut(result.error, text),
        warnings=_Shortening(text, entries).texts(result.warnings),
    )


class _Shortening:
    """What is observed, with texts of so many characters and lists of so many entries."""

    def __init__(self, text: int, entries: int) -> None:
        self._text = text
        self._entries = entries

    def observation(self, observed: Observation) -> Observation:
        interim = [
            replace(each, reason=cut(each.reason, self._text), headers=self._headers(each.headers))
            for each in observed.interim[: self._entries]
        ]
        if rest := self._rest(observed.interim):
            interim.append(Interim(0, rest))
        log = [self._data(each) for each in observed.log[: self._entries]]
        if rest := self._rest(observed.log):
            log.append({"…": rest})
        broken = observed.breakdown
        return replace(
            observed,
            reason=cut(observed.reason, self._text),
            protocol=cut(observed.protocol, self._text),
            headers=self._headers(observed.headers),
            body=cut(observed.body, self._text),
            interim=interim,
            trailers=self._headers(observed.trailers),
            log=log,
            stats=self._numbers(observed.stats),
            warnings=self.texts(observed.warnings),
            tls=observed.tls and self._tls(observed.tls),
            breakdown=broken and replace(broken, why=cut(broken.why, self._text), log=self.texts(broken.log)),
            frames=observed.frames and self.texts(observed.frames),
            streams=observed.streams and self._streams(observed.streams),
            messages=observed.messages and self.texts(observed.messages),
            gauges=observed.gauges and self._numbers(observed.gauges),
            upstream=observed.upstream and [self._data(each) for each in observed.upstream[: self._entries]],
        )

    def _numbers(self, counted: dict[str, int]) -> dict[str, int]:
        numbers = {cut(name, self._text): value for name, value in list(counted.items())[: self._entries]}
        if rest := self._rest(list(counted)):
            numbers[rest] = len(counted) - self._entries
        return numbers

    def _streams(self, streams: Sequence[StreamAnswer]) -> list[StreamAnswer]:
        shown = [
            replace(
                each,
                headers=self._headers(each.headers),
                body=cut(each.body, self._text),
                trailers=self._headers(each.trailers),
            )
            for each in streams[: self._entries]
        ]
        if rest := self._rest(streams):
            shown.append(StreamAnswer(0, None, end=rest))
        return shown

    def _tls(self, tls: TlsObserved) -> TlsObserved:
        certificate = tls.certificate and PeerCertificate(
            cut(tls.certificate.subject, self._text),
            cut(tls.certificate.issuer, self._text),
            self.texts(tls.certificate.names),
        )
        return replace(tls, certificate=certificate)

    def texts(self, texts: Sequence[str]) -> list[str]:
        rest = self._rest(texts)
        return [*(cut(each, self._text) for each in texts[: self._entries]), *([rest] if rest else [])]

    def _headers(self, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        rest = self._rest(headers)
        shown = [(cut(name, self._text), cut(value, self._text)) for name, value in headers[: self._entries]]
        return [*shown, *([("…", rest)] if rest else [])]

    def _data(self, value: Any) -> Any:
        """Of a log entry: any JSON."""
        match value:
            case str():
                return cut(value, self._text)
            case list():
                rest = self._rest(value)
                return [*map(self._data, value[: self._entries]), *([rest] if rest else [])]
            case dict():
                shown = {cut(k, self._text): self._data(each) for k, each in list(value.items())[: self._entries]}
                return {**shown, **({"…": rest} if (rest := self._rest(list(value.items()))) else {})}
            case _:
                return value

    def _rest(self, entries: Sequence[object]) -> str:
        """What is said of those that are left out; empty if none is."""
        more = len(entries) - self._entries
        return f"… {more} more, sha256 {_digest(encode(entries).decode())}" if more > 0 else ""


def _shortened(value: Any, text: int, entries: int | None = None) -> Any:
    """Of what is not compared: nothing tells of what is left out of a list."""
    match value:
        case str():
            return cut(value, text)
        case list():
            return [_shortened(each, text, entries) for each in value[:entries]]
        case Mapping():
            return {cut(name, text): _shortened(each, text, entries) for name, each in value.items()}
        case _:
            return value


def _with_few_entries(hop: Hop) -> Hop:
    match hop:
        case AccessLogHop() | DestinationHop() if len(hop.entries) > _LEAST_ENTRIES:
            left_out = hop.entries_left_out + len(hop.entries) - _LEAST_ENTRIES
            return replace(hop, entries=hop.entries[:_LEAST_ENTRIES], entries_left_out=left_out)
        case _:
            return hop


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
