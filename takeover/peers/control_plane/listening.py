"""The port of xDS, which can be closed and opened again."""

import asyncio
from typing import Any

import grpc

from takeover.peers.control_plane.discovery import Method, methods
from takeover.peers.control_plane.plane import ControlPlane
from takeover.peers.control_plane.reports import HEALTH, LOADS, Reports
from takeover.peers.control_plane.streams import End

_GRACE = 0.2
"""Seconds for streams to end in order; who does not read is cut off."""
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
]


class Listening:
    """The gRPC server.

    Args:
        address: where it listens.
        port: likewise; 0 for any.
        plane: who serves resources.
        reports: who takes reports.
    """

    def __init__(self, address: str, port: int, plane: ControlPlane, reports: Reports) -> None:
        self._reports = reports
        self._address = address
        self.port = port
        self._plane = plane
        self._server: Any = None

    @property
    def is_on(self) -> bool:
        return self._server is not None

    async def switch(self, *, on: bool) -> None:
        """Opens the port, or closes it and all its connections.

        Raises: OSError where it cannot be had.
        """
        if on and self._server is None:
            server = grpc.aio.server(options=_OPTIONS)
            server.add_generic_rpc_handlers(self._handlers())
            try:
                self.port = server.add_insecure_port(f"{self._address}:{self.port}")
            except RuntimeError as error:
                raise OSError(f"cannot listen on {self._address}:{self.port}: {error}") from None
            await server.start()
            self._server = server
        elif not on and self._server is not None:
            server, self._server = self._server, None
            stopping = asyncio.ensure_future(server.stop(_GRACE))  # the port is closed before anybody can come again
            await asyncio.sleep(0)
            self._plane.end_streams(End("UNAVAILABLE", "the control plane goes away"))
            await stopping

    def _handlers(self) -> list[Any]:
        def handler(method: Method) -> Any:
            async def serve(_: Any, context: Any) -> None:
                await self._plane.serve(method, context)

            return grpc.stream_stream_rpc_method_handler(serve)

        taking = {LOADS: self._reports.serve_loads, HEALTH: self._reports.serve_health}
        return [
            grpc.method_handlers_generic_handler(service, {name: grpc.stream_stream_rpc_method_handler(serve)})
            for (service, name), serve in taking.items()
        ] + [
            grpc.method_handlers_generic_handler(service, {name: handler(each) for name, each in named.items()})
            for service, named in methods().items()
        ]
