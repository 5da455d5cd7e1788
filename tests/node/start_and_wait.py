"""Starts programs in a bare node, says whether it is one of its own, and waits to be told to end.

What it starts has the argument among its own: it gets no environment by which it could be found.
"""

import json
import sys

from takeover.node.bare_node import bare_node

script = 'setsid sh -c "sleep 1000; exit" "$0" & sh -c "sleep 1000; exit" "$0" & echo started; wait'
with bare_node() as node, node.start(["sh", "-c", script, sys.argv[1]]) as program:
    while b"started" not in program.output():
        assert program.exit_code() is None
    sys.stdout.write(json.dumps({"exposed": node.exposed}) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
