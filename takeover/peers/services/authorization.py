"""envoy.service.auth.v3.Authorization: allows, unless the request's header `x-authz` says otherwise (`calls`).

The answer's dynamic metadata has `asked`, the request, without what is of chance in it: it comes into Envoy's access
log as %DYNAMIC_METADATA(envoy.filters.http.ext_authz)%, or where a filter takes it from. A call's own header `x-authz`
(`initial_metadata` of the filter's grpc_service) does the same for those that have no request (the network filter).
"""

from envoy.service.auth.v3 import external_auth_pb2

from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services.calls import Call, behaviour, metadata_of, told, without

CHECK = "/envoy.service.auth.v3.Authorization/Check"
_HEADER = "x-authz"
_UNTOLD = frozenset({"time", "id", "x-request-id", "port_value", _HEADER})


async def check(stream: Stream) -> None:
    """Answers one call."""
    call = Call(stream)
    asked = await call.receive(external_auth_pb2.CheckRequest)
    if asked is None:
        return
    written = behaviour(call, _wish(asked) or stream.values.get(_HEADER, "{}"))
    await call.behave(written)
    answer = call.response(external_auth_pb2.CheckResponse, written)
    if said := metadata_of(stream, written, without(told(asked), _UNTOLD)):
        answer.dynamic_metadata.update(said)
    await call.send(answer)
    await call.finish(written)


def _wish(asked: external_auth_pb2.CheckRequest) -> str:
    """What the request's header says, in either form: the other one is that of `encode_raw_headers`."""
    http = asked.attributes.request.http
    raw = next((each for each in http.header_map.headers if each.key == _HEADER), None)
    as_it_came = raw.value or raw.raw_value.decode("utf-8", "backslashreplace") if raw is not None else ""
    return http.headers.get(_HEADER, "") or as_it_came
