"""Commands that show again, by hand, what a probe, a test or a config did on one Envoy."""

import re
import shlex

from msgspec import UNSET, UnsetType

from takeover.compare import below
from takeover.compare.shell import printed, word
from takeover.model.checked import Checked
from takeover.model.document import ConfigResult, Outcome, ProbeResult, Variant
from takeover.model.repeats import Text, whole
from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.model.versions import is_version

_ENGINES = {"local": "", "kubernetes": " --engine kubernetes --kube-context NAME"}
_HTTP = {"1.0": "--http1.0", "1.1": "--http1.1"}


def reproduce(
    entry: ProbeResult | Outcome | ConfigResult | Variant,
    envoy: str,
    engine: str,
    delivery: str | UnsetType = UNSET,
    checked: Checked | UnsetType = UNSET,
    program: str = "pytest",
) -> list[str]:
    """The commands, in order: the first one differs from Envoy to Envoy, the others do not.

    Args:
        envoy: its name in the results; the path of a build of one's own is the reader's to fill in.
        engine: where it was observed; which cluster that was, no results tell, and is the reader's to fill in.
        delivery: how Envoy got its configuration, if not from the file as it is written.
        checked: of a check, what was given.
        program: what runs the project's tests, as words of a shell.
    """
    if checked is not UNSET:
        run = f"{check_again(checked, envoy)} --keep"
        return [run, *_from_within(entry)] if isinstance(entry, ProbeResult) else [run]
    run = f"{program} --envoy {_chosen(envoy)}{_ENGINES.get(engine, f' --engine {engine}')}"
    run += f" --delivery {delivery}" if delivery is not UNSET else ""
    match entry:
        case Outcome():
            file, _, test = entry.name.partition("::")
            if file.endswith(".py"):
                return [f"{run} --keep {shlex.quote(entry.id)}"]
            # A group of probes, or the inventory, is no test that pytest could be asked for by its id.
            return [_probes(run, entry.scenario, test.partition("[")[0], keep=bool(entry.scenario))]
        case Variant():
            return [f"{run} --sweep={shlex.quote(entry.scenario)}"]
        case ConfigResult():
            return [_probes(run, "", "corpus" if entry.source == "corpus" else "facts", keep=False)]
        case ProbeResult():
            return [
                _probes(run, entry.scenario, entry.probe.partition("/")[0], keep=True),
                *_from_within(entry),
            ]


def check_again(checked: Checked, *envoys: str) -> str:
    """The command that makes a check again on these Envoys."""
    return f"takeover check {shlex.quote(checked.file)} --envoy {','.join(map(_chosen, envoys))}"


def _chosen(envoy: str) -> str:
    return envoy if is_version(envoy) else f"{envoy}=PATH"


def _from_within(entry: ProbeResult) -> list[str]:
    """What shows a probe once its scenario is held."""
    return [f"# then, in {entry.request.source}, which that says how to enter:", curl(entry.request)]


def _probes(run: str, scenario: str, group: str, *, keep: bool) -> str:
    """The command that makes a group of probes."""
    wanted = " and ".join(filter(None, (scenario, group)))
    return f"{run}{' --keep' * keep} --probes -m probes -k {shlex.quote(wanted)}"


def curl(request: ProbeRequest) -> str:
    """The request as one line for a shell; where curl would mend what is no HTTP, its telnet sends the bytes."""
    address = f"{_host(request.to)}:{request.to.port}"
    by_curl = "curl -sv --max-time 5"
    if request.source_address:
        by_curl += f" --interface {request.source_address}"
    tls, told = request.tls, below.remarks(request)
    if request.steps is not None or (tls is not None and tls.hello is not None):
        sent = "".join(_whole(step.send) for step in request.steps or [])
        if tls is not None and tls.hello is None:
            return f"{printed(sent)} | {below.openssl_over_tls(tls, address, request.source_address)}{_remark(told)}"
        sent = _whole(request.proxy) + (sent if tls is None else _whole(tls.hello))
        told += ["curl's telnet sends the byte 377 twice"] if "\xff" in sent else []
        return f"{printed(sent)} | {by_curl} telnet://{address}{_remark(told)}"
    version = "--http2-prior-knowledge" if request.protocol == "http2" else _HTTP.get(request.version or "", "")
    asked = _whole(request.method)
    method = "--head" if asked == "HEAD" else f"-X {word(asked)}"
    words = [by_curl, version, method, f"--request-target {word(_whole(request.path))}"]
    words += [f"-H {word(each)}" for each in _headers(request)]
    begin = ""
    if request.chunks:
        begin = f"{printed(''.join(map(whole, request.chunks)))} | "
        words += ["-H 'Transfer-Encoding: chunked' --data-binary @-"]
    elif request.body is not None:
        begin, words = f"{printed(whole(request.body))} | ", [*words, "--data-binary @-"]
    if request.trailers:
        told.insert(0, f"and these trailers, which curl cannot send: {', '.join(map(whole, request.trailers))}")
    url = f"http://{address}"
    if tls is not None:
        more, url = below.curl_over_tls(tls, address, request.to.port)
        words += more
    return f"{begin}{' '.join(filter(None, words))} {url}{_remark(told)}"


def _remark(told: list[str]) -> str:
    return f"  # {'; '.join(told)}" if told else ""


def variable(pod: str) -> str:
    """The shell variable that stands for a Pod's address."""
    return re.sub(r"\W", "_", pod)


def _host(to: ProbeTarget) -> str:
    if to.pod is not None:
        return f"${variable(to.pod)}"
    if to.service is not None:
        namespace, _, name = to.service.rpartition("/")
        return f"{name}.{namespace or 'default'}.svc.cluster.local"
    return f"[{to.host}]" if ":" in str(to.host) else str(to.host)


def _headers(request: ProbeRequest) -> list[str]:
    """As curl takes them: "Name:" leaves out what curl adds by itself, "Name;" sends an empty value."""
    headers = list(map(whole, request.headers))
    given = {each.partition(":")[0].lower() for each in headers}
    host = None if request.host is None else _whole(request.host)
    told = ["Host:" if host is None else f"Host: {host}" if host else "Host;"]
    told += [f"{name}:" for name in ("User-Agent", "Accept", "Content-Type") if name.lower() not in given]
    return told + [each if each.partition(":")[2].strip() else f"{each.partition(':')[0]};" for each in headers]


def _whole(text: Text | None) -> str:
    return whole(text or "")
