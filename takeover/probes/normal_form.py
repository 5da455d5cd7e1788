"""Observations in their normal form: what differs from run to run by nature is as it always is, or left out.

By the named rules of `takeover.probes.normal_rules`, and by what a deployment's addresses are called.
"""

import re
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from takeover.engines.contract import Deployment
from takeover.model.document import Interim, LogEntry, Observation, StreamAnswer
from takeover.model.tls import PeerCertificate, TlsObserved
from takeover.net.tls_alerts import CLOSE_NOTIFY
from takeover.probes.frame_form import frames_without_chance, is_given_up
from takeover.probes.lengths import POD_ADDRESS, SERVICE_ADDRESS, Lengths
from takeover.probes.normal_rules import (
    HEADER_RULES,
    RACES,
    admin_body_without_chance,
    body_without_chance,
    field_without_chance,
    own_words_without_chance,
    without_chance,
)
from takeover.scenario.documents import short_name


class Normaliser:
    """Applies the rules; and, by the rule "address", names the deployment's Pods and Services in place of their IPs.

    An engine gives addresses as it likes, in each run others, and longer ones: by "address-length", lengths of what
    holds them are as if they were the local engine's.
    """

    def __init__(self, deployment: Deployment) -> None:
        named = {pod.ip: f"<{name}>" for name, pod in deployment.pods.items()}
        lengths = dict.fromkeys(named, POD_ADDRESS)
        for service in deployment.scenario.unbound_services():
            name = short_name(service)
            address = deployment.service_ip(name)
            named[address] = f"<service {name}>"
            lengths[address] = len(service["spec"].get("clusterIP") or "") or SERVICE_ADDRESS
        self._named = named
        self._config_id = deployment.config_id
        listed = "|".join(map(re.escape, sorted(named, key=len, reverse=True)))
        self._addresses = re.compile(rf"(?<!\d)(?<!\d\.)(?:{listed})(?!\d|\.\d)")
        self._lengths = Lengths(self._addresses, lengths)

    def observation(self, observed: Observation, of_admin: bool = False) -> Observation:
        """What was observed of a probe, in its normal form.

        Args:
            of_admin: whether it went to an Envoy's admin API.
        """
        entries = [self._lengths.entry(each, observed) for each in observed.log]
        headers = [(name, self._lengths.header(name, value, observed.body)) for name, value in observed.headers]
        moved, end, tls = observed.stats, observed.end, observed.tls
        if tls and tls.alert not in ("", CLOSE_NOTIFY) and end == "reset":
            end = "closed"  # who refuses by an alert closes, and the kernel makes that a reset if more has come by then
        for race in RACES:
            if any(race.marks.search(f"{entry.get('flags')} {entry.get('details')}") for entry in entries):
                entries = [{name: "<race>" if name in race.fields else each[name] for name in each} for each in entries]
                moved = {name: each for name, each in moved.items() if not race.counters.search(name)}
                end = race.end if race.end and end in ("closed", "reset") else end
        if end == "reset" and is_given_up(observed.frames or []):
            end = "closed"
        return Observation(
            observed.status,
            self.text(observed.reason),
            self.text(observed.protocol),
            self._headers(headers),
            self._body(observed.body, of_admin),
            end,
            [Interim(each.status, self.text(each.reason), self._headers(each.headers)) for each in observed.interim],
            self._headers(observed.trailers),
            [
                {self.text(name): self._data(field_without_chance(name, value)) for name, value in each.items()}
                for each in entries
            ],
            {self.text(name): change for name, change in moved.items()},
            list(map(self.own_words, observed.warnings)),
            stream_end=observed.stream_end,
            frames=observed.frames and list(map(self.text, frames_without_chance(observed.frames))),
            streams=observed.streams and list(map(self._stream, observed.streams)),
            messages=observed.messages and list(map(self._body, observed.messages)),
            tls=tls and self._tls(tls),
            others=observed.others,
            gauges=observed.gauges and {self.text(name): value for name, value in observed.gauges.items()},
        )

    def _stream(self, observed: StreamAnswer) -> StreamAnswer:
        headers = [(name, self._lengths.header(name, value, observed.body)) for name, value in observed.headers]
        return replace(
            observed,
            headers=self._headers(headers),
            body=self._body(observed.body),
            trailers=self._headers(observed.trailers),
        )

    def _body(self, text: str, of_admin: bool = False) -> str:
        named = self._named_in(self._lengths.body(text))
        return admin_body_without_chance(named) if of_admin else body_without_chance(named)

    def text(self, text: str) -> str:
        """Any text in its normal form, but for what Envoy writes of itself, and bodies."""
        return without_chance(self._named_in(text))

    def own_words(self, text: str) -> str:
        """What Envoy writes of itself, likewise."""
        return own_words_without_chance(self._named_in(text))

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

    def _entry(self, entry: LogEntry) -> LogEntry:
        return {self.text(name): self._data(field_without_chance(name, value)) for name, value in entry.items()}

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
                return rule.replacement
        return value
