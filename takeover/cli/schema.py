"""`takeover schema`: prints the JSON schema of the documents that runs leave."""

import argparse
import sys

from takeover.model.document import json_schema

DESCRIPTION = "Prints the JSON schema of the documents that runs leave (published as reports/schema.json)."


def configure(parser: argparse.ArgumentParser) -> None:
    """There are no options."""
    parser.description = DESCRIPTION


def run(_: argparse.Namespace) -> int:
    """Prints it. Returns 0."""
    sys.stdout.write(json_schema().decode())
    return 0
