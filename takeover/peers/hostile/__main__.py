"""`python3 -S FOLDER`, wherever the folder with takeover/peers/hostile lies: nothing need be installed."""

import os
import sys

if __name__ == "__main__":
    here = os.path.realpath(__file__)
    for _ in range(4):
        here = os.path.dirname(here)  # noqa: PTH120 - pathlib takes longer to import than all else here
    sys.path[0] = here
    from takeover.peers.hostile import upstream

    upstream.main()
