"""Headers of requests, as trees of matchers look at them."""

from dataclasses import dataclass

from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import is_sendable, untold
from takeover.check.derive.sanitizing import PROTO, SCHEMES

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
_USUAL = {
    ":method": _METHODS, ":path": ("/another",), ":authority": ("another.test",), "host": ("another.test",),
    ":scheme": SCHEMES, PROTO: SCHEMES,
}  # fmt: skip


@dataclass(frozen=True)
class HeaderInput:
    """A header; `:path`, `:method` and `:authority` are such, too."""

    name: str

    @property
    def words(self) -> str:
        """What it is."""
        return f"header {self.name}"

    @property
    def usual(self) -> tuple[str, ...]:
        """Some values that a request may have there."""
        return _USUAL.get(self.name, ("another",))

    def value(self, of: Ask) -> str | None:
        """Its value. Raises: UnsureError."""
        values = of.values(self.name)
        if len(values) > 1:
            raise untold(self.name)
        return values[0]

    def put(self, of: Ask, value: str | None) -> Ask:
        """With that value."""
        if value is None:
            if self.name.startswith(":") or self.name == "host":
                raise CannotMakeError(f"no request is without {self.name}")
            return of.without_header(self.name)
        if self.name == ":method" and value not in _METHODS:
            raise CannotMakeError(f"{value!r} is no method that a codec takes")
        if not is_sendable(self.name, value):
            raise CannotMakeError(f"{self.words}: {value!r} cannot be sent")
        return of.with_header(self.name, value)
