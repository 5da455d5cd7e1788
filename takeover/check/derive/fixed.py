"""What no request changes: it is so, or it is not."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError


class Fixed:
    """A condition that nothing in a request decides; whoever has it says whether it holds (`fits`)."""

    brings: ClassVar[str] = "request"
    """What would have to be otherwise."""

    if TYPE_CHECKING:  # at run time a field of a dataclass would take it for its default

        @property
        def words(self) -> str:
            """What it is."""

    def fits(self, of: Ask) -> bool:
        """Whether it holds. Raises: UnsureError, CannotMakeError where that is not known."""
        raise NotImplementedError

    def made(self, of: Ask) -> Ask:
        """The same. Raises: CannotMakeError where it does not hold; what `fits` raises."""
        if not self.fits(of):
            raise CannotMakeError(f"{self.words}: no {self.brings} of ours has it there")
        return of

    def missed(self, of: Ask) -> Iterator[tuple[str, Ask]]:
        """None."""
        del of
        yield from ()

    others = missed
