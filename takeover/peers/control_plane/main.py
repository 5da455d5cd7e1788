"""The program: its options, its start and its end."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from takeover.peers.control_plane.api import Api
from takeover.peers.control_plane.folder import Folder
from takeover.peers.control_plane.http_server import HttpServer
from takeover.peers.control_plane.listening import Listening
from takeover.peers.control_plane.plane import ControlPlane
from takeover.peers.control_plane.record import Record
from takeover.peers.control_plane.resources import ResourceError
from takeover.peers.control_plane.snapshots import Snapshots

XDS_PORT = 18000
API_PORT = 18001


def main(arguments: Sequence[str]) -> int:
    """Serves until it is told to end; returns the exit code.

    Args:
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="takeover control-plane",
        description="Gives Envoys their configuration by xDS: the resources of a folder, which is watched.",
    )
    parser.add_argument("folder", type=Path, help="files {resources: [{'@type': …, name: …}, …]}, YAML or JSON")
    parser.add_argument("--mesh", action="store_true", help="the folder has manifests and mesh.yaml: make a mini mesh")
    parser.add_argument("--address", default="0.0.0.0", help="where to listen (%(default)s)")  # noqa: S104 - a Pod's
    parser.add_argument("--xds-port", type=int, default=XDS_PORT, help="for gRPC (%(default)s)")
    parser.add_argument("--api-port", type=int, default=API_PORT, help="for the HTTP API (%(default)s)")
    wanted = parser.parse_args(arguments)
    try:
        return asyncio.run(_run(wanted.folder, wanted.mesh, wanted.address, wanted.xds_port, wanted.api_port))
    except KeyboardInterrupt:
        return 130
    except (ResourceError, OSError) as error:
        print(f"takeover control-plane: {error}", file=sys.stderr)  # noqa: T201 - a program of its own
        return 2


async def _run(path: Path, is_mesh: bool, address: str, xds_port: int, api_port: int) -> int:
    folder, record = Folder(path), Record()
    plane = ControlPlane(Snapshots(), record)
    listening = Listening(address, xds_port, plane)
    told: list[str] = []

    handlers = Api(plane, listening).handlers()

    def read_resources() -> None:
        found, version = folder.read()
        plane.published(plane.snapshots.replace(found, version), "", "folder")

    read = read_resources
    if is_mesh:
        from takeover.peers.mini_mesh.running import RunningMesh

        mesh = RunningMesh(path, plane, lambda: listening.is_on)
        handlers |= mesh.handlers()
        read = mesh.read

    def read_again() -> None:
        try:
            read()
        except ResourceError as error:
            tell(str(error))

    def tell(line: str) -> None:
        if told[-1:] != [line]:
            told[:] = [line]
            record.add("told", error=line)
            print(f"{line}; the last good snapshot stays", file=sys.stderr, flush=True)  # noqa: T201

    read()
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    server = await asyncio.start_server(HttpServer(handlers).serve, address, api_port)
    await listening.switch(on=True)
    watching = asyncio.ensure_future(folder.watch(read_again, tell))
    try:
        at = f"xDS on {address}:{listening.port}, its API on {server.sockets[0].getsockname()[1]}"
        what = "a mini mesh" if is_mesh else f"version {plane.snapshots.of('').version}"
        print(f"{at}: {what} of {path}", flush=True)  # noqa: T201
        await ended.wait()
    finally:
        watching.cancel()
        server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await listening.switch(on=False)
    return 0
