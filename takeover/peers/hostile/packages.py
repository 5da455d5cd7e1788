"""Packages that are no part of Python: the program starts without them, and finds them when somebody needs one."""

import sys


def find() -> None:
    """Lets what is installed be imported. It costs as much as all else at the start: only some connections need it."""
    if "site" not in sys.modules:
        import site

        site.main()
