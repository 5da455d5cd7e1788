"""That results which are set beside each other are of different runs: a run and itself are always alike."""

import hashlib
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.model.document import Document
from takeover.model.json import encode
from takeover.store.publishing import without_times


class Distinct:
    """Looks at one document after the other; by what they hold, as links, copies and published results may be one."""

    def __init__(self) -> None:
        self._seen: dict[bytes, Path] = {}

    def check(self, document: Document, path: Path) -> None:
        """Takes it in.

        Args:
            path: where it was read, for a message.

        Raises: BadInputError where it was taken in before.
        """
        content = hashlib.sha256(encode(without_times(document))).digest()
        if content in self._seen:
            before = display_path(self._seen[content])
            raise BadInputError(
                f"{display_path(path)} holds the same results as {before}: name those of another Envoy or another run"
            )
        self._seen[content] = path
