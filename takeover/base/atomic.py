"""Files that are either the old one or the new one, never half of it."""

import uuid
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Replaces `path`, in a folder that is there, in one step.

    That holds whatever happens to a process. It does not wait until the disk has it (fsync): that can take as long as
    all that others have written, and what a machine without power leaves, readers refuse in a line.

    Raises: OSError; then the old file is untouched.
    """
    # Not mkstemp: its files are for their owner only, and CI's next step may be somebody else.
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with new.open("xb") as file:
            file.write(data)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def point(link: Path, target: str) -> None:
    """Makes `link` a symbolic link to `target`, whether or not it was one before.

    Raises: OSError, also where a folder stands in its place.
    """
    new = link.with_name(f".{link.name}.{uuid.uuid4().hex}")
    new.symlink_to(target)
    try:
        new.replace(link)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
