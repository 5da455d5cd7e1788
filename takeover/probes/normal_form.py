"""Observations in their normal form: what differs from run to run by nature is as it always is, or left out.

By the named rules of `normal_rules`, `own_words` and `admin_form`, and by what a deployment's addresses are called.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from takeover.engines.contract import Deployment
from takeover.model.document import End, Interim, LogEntry, Observation, StreamAnswer
from takeover.model.json import encode
from takeover.model.tls import PeerCertificate, TlsObserved
from takeover.net.tls_alerts import CLOSE_NOTIFY
from takeover.probes.admin_form import ADMIN_STEPS
from takeover.probes.fixed_ports import FixedPorts, fixed_ports
from takeover.probes.frame_form import FRAME_RULES, frames_without_chance, is_given_up
from takeover.probes.lengths import POD_ADDRESS, SERVICE_ADDRESS, Lengths
from takeover.probes.normal_rules import (
    BODY_STEPS,
    EPHEMERAL,
    FIELD_RULES,
    HEADER_RULES,
    TEXT_STEPS,
    field_without_chance,
    without_chance,
)
from takeover.probes.own_words import OWN_WORDS_STEPS
from takeover.probes.races import MOST_ROUNDS, RACES, Race
from takeover.probes.removals import Change, Removals, Step, changes
from takeover.scenario.documents import is_headless, short_name

_CLIENT = next(each for each in FIELD_RULES if each.name == "translated-port")


class Normaliser:
    """Applies the rules; and, by the rule "address", names the deployment's Pods and Services in place of their IPs.

    An engine gives addresses as it likes, in each run others, and longer ones: by "address-length", lengths of what
    holds them are as if they were the local engine's.

    Args:
        removals: takes what the rules take out; not what names and lengths of addresses become, which hides nothing.
    """

    def __init__(self, deployment: Deployment, removals: Removals | None = None) -> None:
        self._removals = Removals() if removals is None else removals
        named = {pod.ip: f"<{name}>" for name, pod in deployment.pods.items()}
        lengths = dict.fromkeys(named, POD_ADDRESS)
        for service in deployment.scenario.unbound_services():
            if is_headless(service):
                continue
            name = short_name(service)
            address = deployment.service_ip(name)
            named[address] = f"<service {name}>"
            lengths[address] = len(service["spec"].get("clusterIP") or "") or SERVICE_ADDRESS
        self._named = named
        self._config_id = deployment.config_id
        self._ports = FixedPorts(fixed_ports(deployment.scenario))
        listed = "|".join(map(re.escape, sorted(named, key=len, reverse=True)))
        self._addresses = re.compile(rf"(?<!\d)(?<!\d\.)(?:{listed})(?!\d|\.\d)")
        self._lengths = Lengths(self._addresses, lengths)
        self._normal = set[str]()  # texts that are so as they are: names and most values come again and again

    def observation(self, observed: Observation, of_admin: bool = False, of_several: bool = False) -> Observation:
        """What was observed of a probe, in its normal form.

        Args:
            of_admin: whether it went to an Envoy's admin API.
            of_several: whether it had several connections at once: which is logged first, is of chance.
        """
        entries = [self._lengths.entry(each, observed) for each in observed.log]
        headers = [(name, self._lengths.header(name, value, observed.body)) for name, value in observed.headers]
        moved, end, tls = observed.stats, observed.end, observed.tls
        if tls and tls.alert not in ("", CLOSE_NOTIFY):
            # Who refuses by an alert closes, and the kernel makes that a reset if more has come by then.
            end = self._closed("refused-by-alert", end)
        for race in RACES:
            if any(race.marks.search(f"{entry.get('flags')} {entry.get('details')}") for entry in entries):
                entries = [self._without_fields(race, each) for each in entries]
                for name in [each for each in moved if race.counters.search(each)]:
                    self._note(race.name, name, str(moved[name]))
                moved = {name: each for name, each in moved.items() if not race.counters.search(name)}
                end = self._closed(race.name, end) if race.end else end
        entries, moved = self._without_rounds(entries, moved)
        entries = self._without_translated(entries)
        log = [
            {self.text(name): self._data(self._field(name, value)) for name, value in each.items()} for each in entries
        ]
        if of_several:
            log.sort(key=lambda each: encode(each, order="sorted"))
        if is_given_up(observed.frames or []):
            end = self._closed("given-up", end)
        return Observation(
            observed.status,
            self.text(observed.reason),
            self.text(observed.protocol),
            self._headers(headers),
            self._body(observed.body, of_admin),
            end,
            [Interim(each.status, self.text(each.reason), self._headers(each.headers)) for each in observed.interim],
            self._headers(observed.trailers),
            log,
            {self.text(name): change for name, change in moved.items()},
            list(map(self.own_words, observed.warnings)),
            stream_end=observed.stream_end,
            frames=observed.frames and self._frames(observed.frames),
            streams=observed.streams and list(map(self._stream, observed.streams)),
            messages=observed.messages and list(map(self._body, observed.messages)),
            tls=tls and self._tls(tls),
            others=observed.others,
            gauges=observed.gauges and {self.text(name): value for name, value in observed.gauges.items()},
            upstream=observed.upstream
            and [{name: self.text(value) for name, value in each.items()} for each in observed.upstream],
        )

    def _closed(self, rule: str, end: End) -> End:
        """The one form of both ends between which the kernel chooses."""
        if end not in ("closed", "reset"):
            return end
        self._note(rule, "end", end)
        return "closed"

    def _without_rounds(self, entries: list[LogEntry], moved: dict[str, int]) -> tuple[list[LogEntry], dict[str, int]]:
        """As much as one may hold; by the rule "rounds", where one does, no counter has moved by more."""
        if len(entries) <= MOST_ROUNDS:
            return entries, moved
        self._removals.note_of_probe(Change("rounds", "entries of the log", None))
        return entries[:MOST_ROUNDS], {name: min(each, MOST_ROUNDS) for name, each in moved.items()}

    def _without_translated(self, entries: list[LogEntry]) -> list[LogEntry]:
        """Without the ports of clients that address translation chose, where texts tell them beside the field."""
        told = {value for each in entries if isinstance(value := each.get(_CLIENT.field), str)}
        for client in told:
            port = client.rpartition(":")[2]
            if not port.isdecimal() or int(port) >= EPHEMERAL:
                continue  # which each text is asked for
            found, to = re.compile(rf"(?<![\d.]){re.escape(client)}(?!\d)"), field_without_chance(_CLIENT.field, client)
            for number, entry in enumerate(entries):
                texts = {name: value for name, value in entry.items() if isinstance(value, str) and found.search(value)}
                texts.pop(_CLIENT.field, None)
                for name, value in texts.items():
                    self._note(_CLIENT.name, name, self._named_in(value))
                entries[number] = entry | {name: found.sub(to, value) for name, value in texts.items()}
        return entries

    def _without_fields(self, race: Race, entry: LogEntry) -> LogEntry:
        for name in race.fields:
            if name in entry:
                self._note(race.name, name, self._named_in(str(entry[name])))
        return {name: "<race>" if name in race.fields else entry[name] for name in entry}

    def _field(self, name: str, value: Any) -> Any:
        normal = field_without_chance(name, value)
        if normal != value:
            [rule] = [each.name for each in FIELD_RULES if each.field == name]
            self._removals.note(Change(rule, without_chance(self._named_in(normal)), self._named_in(value)))
        return normal

    def _frames(self, frames: Sequence[str]) -> list[str]:
        normal = [self.text(each) for each in frames_without_chance(frames)]
        for rule in FRAME_RULES:
            without = [self.text(each) for each in frames_without_chance(frames, rule)]
            if without != normal:
                self._note(rule.name, "frames", "\n".join(without))
        return normal

    def _note(self, rule: str, what: str, was: str) -> None:
        self._removals.note_of_probe(Change(rule, what, was))

    def _noted(self, steps: Sequence[Step], text: str) -> str:
        restored = self._ports.restored
        normal, found = changes(steps, self._ports.kept(text))
        for rule, what, was in found:
            self._removals.note(Change(rule, restored(what), None if was is None else restored(was)))
        return restored(normal)

    def _stream(self, observed: StreamAnswer) -> StreamAnswer:
        headers = [(name, self._lengths.header(name, value, observed.body)) for name, value in observed.headers]
        return replace(
            observed,
            headers=self._headers(headers),
            body=self._body(observed.body),
            trailers=self._headers(observed.trailers),
        )

    def _body(self, text: str, of_admin: bool = False) -> str:
        return self._noted(ADMIN_STEPS if of_admin else BODY_STEPS, self._named_in(self._lengths.body(text)))

    def text(self, text: str) -> str:
        """Any text in its normal form, but for what Envoy writes of itself, and bodies."""
        if text in self._normal:
            return text
        named = self._named_in(text)
        if without_chance(kept := self._ports.kept(named)) != kept:
            return self._noted(TEXT_STEPS, named)
        if named == text:
            self._normal.add(text)
        return named

    def own_words(self, text: str) -> str:
        """What Envoy writes of itself, likewise."""
        return self._noted(OWN_WORDS_STEPS, self._named_in(text))

    def _tls(self, tls: TlsObserved) -> TlsObserved:
        certificate = tls.certificate and PeerCertificate(
            self.text(tls.certificate.subject),
            self.text(tls.certificate.issuer),
            list(map(self.text, tls.certificate.names)),
        )
        return replace(tls, failure=self.text(tls.failure), alpn=self.text(tls.alpn), certificate=certificate)

    def _named_in(self, text: str) -> str:
        """The text with the names in the place of the deployment's addresses and its config id."""
        named = self._addresses.sub(lambda found: self._named[found[0]], text)
        return named.replace(self._config_id, "<mark>")

    def _data(self, value: Any) -> Any:
        """A log entry's value, of JSON's types: a scenario's config may nest them."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self._data(each) for each in value]
            case dict():
                return {self.text(name): self._data(each) for name, each in value.items()}
            case _:
                return value

    def _headers(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(self.text(name), self.text(self._header(name, value))) for name, value in headers]

    def _header(self, name: str, value: str) -> str:
        for rule in HEADER_RULES:
            if name.lower() == rule.header and re.fullmatch(rule.form, value):
                self._removals.note(Change(rule.name, f"{name}: {rule.replacement}", None))
                return rule.replacement
        return value
