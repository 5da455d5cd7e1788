"""`takeover control-plane`: serves a folder of resources by xDS, as the image `peers` does it in a Pod."""

import argparse

from takeover.peers.control_plane.options import DESCRIPTION
from takeover.peers.control_plane.options import configure as configure_program

__all__ = ["DESCRIPTION", "configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    configure_program(parser, address="127.0.0.1")


def run(options: argparse.Namespace) -> int:
    """Serves until it is told to end. Returns the exit code. Raises: KeyboardInterrupt."""
    from takeover.peers.control_plane.main import serve

    return serve(options)
