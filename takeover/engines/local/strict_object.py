"""The form of all Kubernetes objects here, and of what is in them."""

import msgspec


class StrictObject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A field that is not listed is an error."""
