"""`takeover schema`: prints the JSON schema of a kind of file."""

import argparse

from takeover.base import console
from takeover.cli.yaml_files import yaml_files
from takeover.model import document
from takeover.scenario.described import json_schema

DESCRIPTION = "Prints the JSON schema of the documents that runs leave, or of a YAML file that people write."
_RESULTS = "results"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the argument."""
    parser.description = f"{DESCRIPTION} Published as reports/schema.json and docs/schemas/NAME.json."
    parser.add_argument(
        "name",
        nargs="?",
        choices=[_RESULTS, *yaml_files()],
        default=_RESULTS,
        help="of which file (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Prints it. Returns 0."""
    schema = document.json_schema() if options.name == _RESULTS else json_schema(yaml_files()[options.name])
    console.write_text(schema.decode())
    return 0
