"""`python3 -S FOLDER [READY]`: has the table's addresses in this network, and serves all that is in it.

READY is a file that is made as soon as all of it listens.
"""

import os
import sys

if __name__ == "__main__":
    here = os.path.realpath(__file__)
    for _ in range(4):
        here = os.path.dirname(here)  # noqa: PTH120 - pathlib takes longer to import than all else here
    sys.path[0] = here
    from takeover.peers.world import serving

    serving.main(*sys.argv[1:2])
