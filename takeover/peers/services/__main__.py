"""`python3 -S FOLDER [ADDRESS [FIRST_PORT]]`: the hostile upstream and the services, in one process.

FIRST_PORT is added to each of the ports that `serving` and `hostile.upstream` name.
"""

import os
import sys

if __name__ == "__main__":
    here = os.path.realpath(__file__)
    for _ in range(4):
        here = os.path.dirname(here)  # noqa: PTH120 - pathlib takes longer to import than all else here
    sys.path[0] = here
    from takeover.peers import packages
    from takeover.peers.kept import kept

    with kept():
        packages.find()  # protobuf: a call that waits for it would be late for a filter's timeout
        from takeover.peers.services import serving

    serving.main()
