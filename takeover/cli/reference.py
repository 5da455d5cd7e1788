"""`takeover reference`: prints what every field of the YAML files means."""

import argparse

from takeover.base import console
from takeover.cli.yaml_files import yaml_files
from takeover.scenario.described import reference

DESCRIPTION = "Prints every field of the YAML files that people write, in Markdown (published as docs/reference.md)."


def configure(parser: argparse.ArgumentParser) -> None:
    """There are no options."""
    parser.description = DESCRIPTION


def run(_: argparse.Namespace) -> int:
    """Prints it. Returns 0."""
    console.write_text(reference(yaml_files().values()))
    return 0
