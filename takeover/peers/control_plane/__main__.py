"""`python3 FOLDER_OF_THIS_FILE RESOURCES [options]`: nothing of ours need be installed, see `main` for the options.

What it imports is in the image: see `packages`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[3])
    from takeover.peers import packages
    from takeover.peers.kept import kept

    with kept():
        packages.find()
        from takeover.peers.control_plane.main import main

    sys.exit(main(sys.argv[1:]))
