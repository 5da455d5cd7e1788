"""`python3 -S FOLDER [ADDRESS [FIRST_PORT]]`: the hostile upstream and the services, in one process.

FIRST_PORT is added to each of the ports that `serving` and `hostile.upstream` name.
"""

import gc
import os
import sys

if __name__ == "__main__":
    here = os.path.realpath(__file__)
    for _ in range(4):
        here = os.path.dirname(here)  # noqa: PTH120 - pathlib takes longer to import than all else here
    sys.path[0] = here
    from takeover.peers import packages

    gc.disable()  # what is imported stays: looking for garbage among it is an eighth of the start
    packages.find()  # protobuf: a call that waits for it would be late for a filter's timeout
    from takeover.peers.services import serving

    gc.freeze()
    gc.enable()
    serving.main()
