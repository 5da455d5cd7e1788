"""Starts programs in a bare node, says whether it is one of its own, and waits to be told to end."""

import json
import sys

from takeover.node.bare_node import bare_node

with bare_node() as node, node.start(["sh", "-c", "setsid sleep 1000 & sleep 1000 & echo started; wait"]) as program:
    while b"started" not in program.output():
        assert program.exit_code() is None
    sys.stdout.write(json.dumps({"exposed": node.exposed}) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
