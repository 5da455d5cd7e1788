"""Which worker of xdist gets which tests, and what becomes of a dead worker's. Imported where there are workers."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from takeover.run.scopes import Scopes


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed
    """Tests of one scope go to one worker, in their order.

    Args:
        log: xdist's.
    """

    def __init__(self, config: pytest.Config, log: Any, scopes: Scopes) -> None:
        super().__init__(config, log)
        self._scopes = scopes

    def _split_scope(self, nodeid: str) -> str:
        return self._scopes.of(nodeid)

    def remove_node(self, node: Any) -> str | None:
        """Takes back what a worker that ended had still to do. Returns the test during which it ended, or None.

        That test has failed: nobody begins it again, as xdist would let the next worker.
        """
        if self.collection is None:  # nothing is shared out yet, so that nobody is to hear that there is no more
            self.registered_collections.pop(node, None)  # whoever replaces it has to collect first
            del self.assigned_work[node]
            return None
        left = {
            scope: {nodeid: done for nodeid, done in unit.items() if not done}
            for scope, unit in self.assigned_work.pop(node).items()
        }
        during = next((nodeid for unit in left.values() for nodeid in unit), None)
        for unit in left.values():
            unit.pop(during, None)
        self.workqueue.update({scope: unit for scope, unit in left.items() if unit})
        for other in self.assigned_work:
            self._reschedule(other)
        return during

    def _reschedule(self, node: Any) -> None:
        """Gives a worker more to do, or tells it that there is no more.

        A worker begins a test when it knows of the one after it, or that there is none: with one alone it would wait
        for ever.
        """
        if node not in self.registered_collections:  # one that replaces a dead worker may still be collecting
            return
        super()._reschedule(node)
        while not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)
