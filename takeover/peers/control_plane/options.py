"""The program's options, as the image's command and the command `takeover` of a machine have them.

Imports nothing of gRPC: each `takeover COMMAND` reads them.
"""

import argparse
from pathlib import Path

DESCRIPTION = "Gives Envoys their configuration by xDS: the resources of a folder, which is watched."
XDS_PORT = 18000
API_PORT = 18001


def configure(parser: argparse.ArgumentParser, address: str) -> None:
    """Adds them.

    Args:
        address: where to listen by default.
    """
    parser.description = DESCRIPTION
    parser.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="YAML or JSON files {resources: [{'@type': …, name: …}, …]}, as those of Envoy's path_config_source",
    )
    parser.add_argument("--mesh", action="store_true", help="the folder has manifests and mesh.yaml: make a mini mesh")
    parser.add_argument("--address", default=address, help="where to listen (default: %(default)s)")
    parser.add_argument("--xds-port", type=_port, default=XDS_PORT, metavar="PORT", help="for gRPC (%(default)s)")
    parser.add_argument(
        "--api-port", type=_port, default=API_PORT, metavar="PORT", help="for the HTTP API (%(default)s); 0: any"
    )


def _port(text: str) -> int:
    if not (text.isdecimal() and text.isascii() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: write a number up to 65535")
    return int(text)
