"""Probes' protocols as objects: how a probe is written, what it sends, how its exchange goes on and ends.

`contract.register` adds one's own; `protocol: NAME` in probes.yaml chooses it.
"""

from takeover.probes.protocols.connect import Connect
from takeover.probes.protocols.contract import register
from takeover.probes.protocols.grpc import Grpc
from takeover.probes.protocols.http1 import Http1
from takeover.probes.protocols.http2 import Http2
from takeover.probes.protocols.tcp import Tcp
from takeover.probes.protocols.websocket import WebSocket

for _each in (Http1(), Http2(), Tcp(), Grpc(), WebSocket(), Connect()):
    register(_each)
