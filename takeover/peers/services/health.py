"""grpc.health.v1.Health: `service` names the status that is answered, for instance NOT_SERVING; without it, SERVING.

It may be a question with one answer after the other, too (`checked`). At any address (`world`) a service that is named
is the configuration's own, and SERVING.
"""

from takeover.peers.hostile.grpc_answers import message
from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services import checked
from takeover.peers.services.calls import Call

CHECK = "/grpc.health.v1.Health/Check"
_STATUSES = {"UNKNOWN": 0, "SERVING": 1, "NOT_SERVING": 2, "SERVICE_UNKNOWN": 3}
_NOT_FOUND = 5
_STATUS = "status-"


async def check(stream: Stream) -> None:
    """Answers one call; one that names another service is answered NOT_FOUND, where it is not at any address."""
    call = Call(stream)
    asked = await call.receive_bytes()
    name = (asked or b"")[2:].decode("latin-1") or "SERVING"  # field 1, of less than 128 bytes
    if checked.is_question(name):
        name = checked.word(name, stream.owner.connection.socket.getsockname()[0])
    if name == "stall":
        return
    if name.startswith(_STATUS):
        call.end(int(name[len(_STATUS) :]))
        return
    if name not in _STATUSES and stream.owner.connection.reached:
        name = "SERVING"
    if name not in _STATUSES:
        call.end(_NOT_FOUND)
        return
    stream.send_headers([(":status", "200"), ("content-type", "application/grpc")])
    await stream.send(message(bytes([0x08, _STATUSES[name]])))
    stream.send_headers([("grpc-status", "0")], end=True)
