"""`python3 -S FOLDER [ADDRESS [FIRST_PORT]]`: nothing need be installed, the folder may lie anywhere in takeover/peers.

FIRST_PORT is added to each of the ports that `upstream` names.
"""

import os
import sys

if __name__ == "__main__":
    here = os.path.realpath(__file__)
    for _ in range(4):
        here = os.path.dirname(here)  # noqa: PTH120 - pathlib takes longer to import than all else here
    sys.path[0] = here
    from takeover.peers.hostile import upstream

    upstream.main()
