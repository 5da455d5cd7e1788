"""Connections of plain bytes for chains without HTTP: all ways in which either side says, ends and resets."""

from collections.abc import Iterator

from takeover.check.derive.calls import calls
from takeover.check.derive.chain_match import Chain, filters_of
from takeover.check.derive.draft import Door, Draft, slug
from takeover.check.derive.route_reading import weights
from takeover.model.json import JsonObject

_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


# A reset that waits for nothing races with all that Envoy does until then: none is asked.
# Without an answer nothing says when all has come: these end by what either side does, or by a short time.
EXCHANGES: tuple[tuple[str, JsonObject], ...] = (
    ("HTTP/1", {"protocol": "http1", "path": "/probe", "host": "probe.example"}),
    ("bytes, then our end", {"steps": [{"send": "hello\n"}, {"end": True}]}),
    ("our end at once", {"steps": [{"end": True}]}),
    ("our end in the answer", {"steps": [
        {"send": "GET /probe HTTP/1.1\r\nHost: probe.example\r\n\r\n"}, {"await": True}, {"end": True},
    ]}),
    ("our reset in the answer", {"steps": [
        {"send": "GET /probe HTTP/1.1\r\nHost: probe.example\r\n\r\n"}, {"await": True}, {"reset": True},
    ]}),
    ("half a request, then our end", {"steps": [{"send": "GET / HT"}, {"end": True}]}),
    ("long", {"steps": [{"send": [{"repeat": "a", "times": 70_000}]}, {"end": True}]}),
    ("their reset", {"protocol": "http1", "path": "/reset-at-once", "host": "probe.example"}),
    ("their reset in the answer", {"protocol": "http1", "path": "/reset-in-body", "host": "probe.example"}),
    ("their end at once", {"protocol": "http1", "path": "/close-at-once", "host": "probe.example"}),
    ("their end in the answer", {"protocol": "http1", "path": "/short-body", "host": "probe.example"}),
    ("our end, then their answer", {"protocol": "http1", "path": "/probe", "host": "probe.example", "end": True}),
    ("a second request", {"protocol": "http1", "answers": 2, "steps": [
        {"send": "GET /one HTTP/1.1\r\nHost: probe.example\r\n\r\n"}, {"await": True},
        {"send": "GET /two HTTP/1.1\r\nHost: probe.example\r\n\r\n"},
    ]}),
    ("three at once", {"connections": 3, "protocol": "http1", "path": "/probe", "host": "probe.example"}),
    ("a long answer", {
        "protocol": "http1", "path": "/long-body", "host": "probe.example", "until": "far too long\n",
    }),
    ("HTTP/2", {"protocol": "http2", "path": "/probe", "host": "probe.example"}),
    ("no TLS but its first bytes", {"steps": [{"send": "\x16\x03\x01\0\x05\x01\0\0\x01\x03"}, {"end": True}]}),
)  # fmt: skip
"""What is said, and its entry of probes.yaml. What the upstream does is HTTP's: it says by the path what it does."""


def drafts(chain: Chain, door: Door) -> Iterator[Draft]:
    """The probes of a chain without an HTTP connection manager, with the cluster that takes them."""
    own = list(calls(chain))
    for rank, (words, entry) in enumerate((*EXCHANGES[:1], *own, *EXCHANGES[1:])):
        if not door.is_certain(entry):
            continue
        whole = entry if "protocol" in entry else {"protocol": "tcp", **entry}
        yield Draft(
            subject="tcp",
            name=slug(door.listener, chain.name, words),
            entry=door.entry(whole),
            rank=0 if rank == 0 else 1 + max(0, rank - len(own)) // 6,
            of=(door.listener, door.chain, "tcp"),
            listener=door.listener,
            chain=door.chain,
            condition="matches" if rank == 0 else f"TCP: {words}",
            expects=cluster_of(chain),
        )


def cluster_of(chain: Chain) -> str:
    """The cluster to which the chain's bytes go; of weighted ones the one that the world leaves; empty if none is."""
    for kind, config in filters_of(chain.data.get("filters")):
        if kind == _PROXY and (choice := weights(config.get("weighted_clusters", {}))):
            return max(choice, key=lambda each: each[1])[0]
        if kind == _PROXY:
            return str(config.get("cluster", ""))
    return ""
