"""Packages that are no part of Python: programs start without them, and find them when somebody needs one."""

import os
import sys

# In the image: /opt/takeover/packages. pathlib takes longer to import than all else here.
_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "packages")  # noqa: PTH118, PTH120


def find() -> None:
    """Lets what the image has be imported, or what is installed where there is no image.

    It costs as much as all else at the start of the hostile upstream: only some of its connections need it.
    """
    if os.path.isdir(_FOLDER):  # noqa: PTH112
        if _FOLDER not in sys.path:
            sys.path.append(_FOLDER)
    elif "site" not in sys.modules:
        import site

        site.main()
