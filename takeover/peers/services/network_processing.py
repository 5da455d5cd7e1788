"""envoy.service.network_ext_proc.v3.NetworkExternalProcessor: bytes of a connection pass, unless told otherwise.

The call's header x-processing is an object with a behaviour (`calls`) for `read_data`, of the client, and `write_data`,
of the upstream; it holds for each message of that kind that has bytes. The end of a direction stays where it is.
"""

from envoy.service.network_ext_proc.v3 import network_external_processor_pb2 as messages

from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services.calls import Call, behaviour

PROCESS = "/envoy.service.network_ext_proc.v3.NetworkExternalProcessor/Process"


async def process(stream: Stream) -> None:
    """Answers the messages of one connection."""
    call = Call(stream)
    written = behaviour(call, stream.values.get("x-processing", "{}"))
    while (asked := await call.receive(messages.ProcessingRequest)) is not None:
        kind = "read_data" if asked.HasField("read_data") else "write_data"
        came = getattr(asked, kind)
        wished = written.get(kind, {}) if came.data else {}
        await call.behave(wished)
        answer = call.response(messages.ProcessingResponse, wished)
        if not answer.data_processing_status:
            answer.data_processing_status = messages.ProcessingResponse.UNMODIFIED
        if not answer.HasField(kind):
            getattr(answer, kind).data = came.data
        getattr(answer, kind).end_of_stream = came.end_of_stream
        await call.send(answer)
    call.end()
