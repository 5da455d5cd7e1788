"""Prints a workflow command of GitHub for each case that failed in a report: it is shown at the configuration's file.

python .ci/check/annotate.py junit.xml CONFIGURATION
"""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

_MOST = 50
"""Annotations: GitHub shows ten of a step, and keeps fifty of a job."""
_LONGEST = 4_000
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ufeff]")


def main(junit: Path, configuration: str) -> None:
    """Prints them, and how many there are beyond `_MOST`."""
    file = Path(configuration).name
    failed = list(_failed(ElementTree.parse(junit).getroot()))  # noqa: S314 - it is what this project has written
    for name, message in failed[:_MOST]:
        # A line of the configuration, where the message names one.
        place = re.search(rf"(?:^|[\s/]){re.escape(file)}:(\d+)", message)
        line = f",line={place[1]}" if place else ""
        sys.stdout.write(
            f"::error file={_property(configuration)}{line},title={_property(name)}::{_data(message[:_LONGEST])}\n"
        )
    if (more := len(failed) - _MOST) > 0:
        sys.stdout.write(f"::notice::{more} more: see the job's summary, and index.html in its artefact\n")


def _failed(root: ElementTree.Element) -> list[tuple[str, str]]:
    """Name and message of each case that failed, or was not judged."""
    return [
        (case.get("name", ""), told.text or told.get("message", ""))
        for case in root.iter("testcase")
        for kind in ("failure", "error")
        if (told := case.find(kind)) is not None
    ]


def _data(text: str) -> str:
    """The text as a workflow command takes it: a line that GitHub obeys, and none more."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
