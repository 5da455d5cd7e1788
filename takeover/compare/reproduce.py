"""Commands that show again, by hand, what a probe, a test or a config did on one Envoy."""

import re
import shlex
from typing import Any

from takeover.compare.shell import printed, word
from takeover.model import repeats as runs
from takeover.model.document import ConfigResult, Outcome, ProbeResult

_VERSION = re.compile(r"\d+(\.\d+)+(\.post\d+)?")
_HTTP = {"1.0": "--http1.0", "1.1": "--http1.1"}


def reproduce(entry: ProbeResult | Outcome | ConfigResult, envoy: str) -> list[str]:
    """The commands, in order: the first one differs from Envoy to Envoy, the others do not.

    Args:
        envoy: its name in the results; the path of a build of one's own is the reader's to fill in.
    """
    run = f"./run --envoy {envoy if _VERSION.fullmatch(envoy) else f'{envoy}=PATH'}"
    match entry:
        case Outcome():
            return [f"{run} --keep {shlex.quote(entry.id)}"]
        case ConfigResult():
            return [f"{run} --probes -m probes -k facts"]
        case ProbeResult():
            group = f"{entry.scenario} and {entry.probe.partition('/')[0]}"
            return [
                f"{run} --keep --probes -m probes -k {shlex.quote(group)}",
                f"# then, in {entry.request['from']}, which that says how to enter:",
                curl(entry.request),
            ]


def curl(told: dict[str, Any]) -> str:
    """The request as one line for a shell; where curl would mend what is no HTTP, its telnet sends the bytes."""
    request: dict[str, Any] = runs.whole(told)
    address = f"{_host(request['to'])}:{request['to']['port']}"
    if "steps" in request:
        sent = "".join(step.get("send", "") for step in request["steps"])
        remark = "  # curl's telnet sends the byte 377 twice" if "\xff" in sent else ""
        return f"{printed(sent)} | curl -sv --max-time 5 telnet://{address}{remark}"
    version = "--http2-prior-knowledge" if request["protocol"] == "http2" else _HTTP.get(request["version"], "")
    method = "--head" if request["method"] == "HEAD" else f"-X {word(request['method'])}"
    words = ["curl -sv --max-time 5", version, method, f"--request-target {word(request['path'])}"]
    words += [f"-H {word(each)}" for each in _headers(request)]
    begin = ""
    if chunks := request.get("chunks"):
        begin, words = f"{printed(''.join(chunks))} | ", [*words, "-H 'Transfer-Encoding: chunked' --data-binary @-"]
    elif (body := request.get("body")) is not None:
        begin, words = f"{printed(body)} | ", [*words, "--data-binary @-"]
    remark = "  # and these trailers, which curl cannot send: " + ", ".join(request.get("trailers", []))
    return f"{begin}{' '.join(filter(None, words))} http://{address}{remark if 'trailers' in request else ''}"


def variable(pod: str) -> str:
    """The shell variable that stands for a Pod's address."""
    return re.sub(r"\W", "_", pod)


def _host(to: dict[str, Any]) -> str:
    if "pod" in to:
        return f"${variable(to['pod'])}"
    if "service" in to:
        namespace, _, name = to["service"].rpartition("/")
        return f"{name}.{namespace or 'default'}.svc.cluster.local"
    return str(to["host"])


def _headers(request: dict[str, Any]) -> list[str]:
    """As curl takes them: "Name:" leaves out what curl adds by itself, "Name;" sends an empty value."""
    headers = list(request.get("headers", []))
    given = {each.partition(":")[0].lower() for each in headers}
    told = [f"Host: {request['host']}" if request.get("host") else "Host:"]
    told += [f"{name}:" for name in ("User-Agent", "Accept", "Content-Type") if name.lower() not in given]
    return told + [each if each.partition(":")[2].strip() else f"{each.partition(':')[0]};" for each in headers]
