"""The program: its options, its start and its end."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from takeover.peers.control_plane import polling
from takeover.peers.control_plane.api import Api
from takeover.peers.control_plane.folder import Folder
from takeover.peers.control_plane.http_server import HttpServer
from takeover.peers.control_plane.listening import Listening
from takeover.peers.control_plane.options import configure
from takeover.peers.control_plane.plane import ControlPlane
from takeover.peers.control_plane.record import Record
from takeover.peers.control_plane.reports import Reports
from takeover.peers.control_plane.resources import ResourceError
from takeover.peers.control_plane.snapshots import Snapshots


def main(arguments: Sequence[str]) -> int:
    """Serves until it is told to end; returns the exit code.

    Args:
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(prog="takeover control-plane")
    configure(parser, address="0.0.0.0")  # noqa: S104 - a Pod's
    try:
        return serve(parser.parse_args(arguments))
    except KeyboardInterrupt:
        return 130


def serve(wanted: argparse.Namespace) -> int:
    """Serves until SIGTERM; returns the exit code. Bad input is one line.

    Args:
        wanted: see `options`.

    Raises: KeyboardInterrupt at Ctrl-C, when all is ended.
    """
    try:
        ended_by = asyncio.run(_run(wanted.folder, wanted.mesh, wanted.address, wanted.xds_port, wanted.api_port))
    except (ResourceError, OSError) as error:
        print(f"takeover control-plane: {error}", file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    if ended_by == signal.SIGINT:
        raise KeyboardInterrupt
    return 0


async def _run(path: Path, is_mesh: bool, address: str, xds_port: int, api_port: int) -> int:
    """Returns the signal that ended it."""
    folder, record = Folder(path), Record()
    plane = ControlPlane(Snapshots(), record)
    reports = Reports()
    listening = Listening(address, xds_port, plane, reports)
    told: list[str] = []

    handlers = Api(plane, listening, folder.read_when_asked, reports).handlers() | polling.handlers(plane.snapshots)

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
    ended: asyncio.Queue[int] = asyncio.Queue()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.put_nowait, each)
    server = await asyncio.start_server(HttpServer(handlers).serve, address, api_port)
    await listening.switch(on=True)
    watching = asyncio.ensure_future(folder.watch(read_again, tell))
    try:
        at = f"xDS on {address}:{listening.port}, its API on {server.sockets[0].getsockname()[1]}"
        what = "a mini mesh" if is_mesh else f"version {plane.snapshots.of('').version}"
        print(f"{at}: {what} of {path}", flush=True)  # noqa: T201
        return await ended.get()
    finally:
        watching.cancel()
        server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await listening.switch(on=False)
