"""Makes a root file system of a tree that has Debian's packages already, as an image of this project holds it.

    python -m takeover.engines.local.prepared FOLDER

FOLDER/root is the tree. Beside it come the packages of the image `peers` and what is told of it; then FOLDER is what
the variable `root_file_system.PREPARED` of the environment may name. It works as root, without a namespace: an image is
built where none can be made.
"""

import functools
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.local import packages, root_file_system
from takeover.model.root_file_system import RootFileSystem
from takeover.node.errands import errand_node


def prepare(folder: Path) -> RootFileSystem:
    """Makes what is missing beside the tree. Returns what is told of it. Raises: TakeoverError in one line."""
    root = folder / "root"
    if not (root / "var/lib/dpkg").is_dir():
        raise BadInputError(f"{root} is no tree with Debian's packages")
    with errand_node() as node, tempfile.TemporaryDirectory() as temporary:
        run = functools.partial(root_file_system.run_errand, node)
        there = root_file_system.packages_in(node, root)
        if not (folder / "packages").exists():
            packages.fetch(run, root, Path(temporary), folder / "packages")
    now = datetime.now(UTC).replace(microsecond=0)
    about = RootFileSystem(root_file_system.suite(), now, there | packages.pinned())
    if lacking := root_file_system.lacking(about):
        raise BadInputError(f"{root} lacks {', '.join(lacking)}")
    (folder / "in-use").touch()
    (folder / "about.json").write_bytes(msgspec.json.encode(about))
    return about


def main(arguments: list[str]) -> int:
    """Prepares the folder that is named. Returns the exit code."""
    try:
        about = prepare(Path(*arguments))
    except TakeoverError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{about.suite}, {len(about.packages)} packages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:2]))
