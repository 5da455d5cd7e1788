"""The engine: the kubernetes engine on a kind cluster of the run's own."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from takeover.engines.kind.cluster import Access, KindOptions, OwnCluster
from takeover.engines.kubernetes.engine import KubernetesEngine
from takeover.engines.kubernetes.images import Images
from takeover.engines.kubernetes.nodes import wait_until_usable
from takeover.model.release import Release


class KindEngine(KubernetesEngine):
    """See `takeover.engines.contract.Engine`. Making one makes the cluster, `close` deletes it.

    Args:
        replaced_images: role → reference, in place of the defaults.
        releases: the Envoys to be tested: their images are loaded, where Docker has them.
        tell: takes a line for the user about what takes time.

    Raises: BadInputError, TakeoverError; nothing is left then.
    """

    name = "kind"

    def __init__(
        self,
        options: KindOptions,
        replaced_images: Mapping[str, str],
        releases: Sequence[Release],
        tell: Callable[[str], None],
    ) -> None:
        references = [name for each in releases for name in Images(replaced_images, each.name).references]
        self._own = OwnCluster(options, tell)
        try:
            super().__init__(self._own.context, str(self._own.kubeconfig), images=replaced_images)
            self._own.load(references, tell)
            cluster = self.connected()
            cluster.background.run(wait_until_usable(cluster.api))
        except BaseException:
            try:
                self._disconnect()
            finally:
                self._own.remove()
            raise

    def for_workers(self) -> dict[str, str]:
        """See `takeover.engines.contract.SharedEngine.for_workers`: an `Access` as JSON has it."""
        return msgspec.structs.asdict(Access(str(self._own.kubeconfig), self._own.context))

    def how_to_delete(self) -> str:
        return self._own.how_to_delete() if self._own.created else super().how_to_delete()

    def close(self) -> None:
        """Deletes the cluster, if this run made it; else what this run made in it."""
        try:
            if self._own.created and not self._own.keep:
                self._disconnect()  # all that is in it goes with it
            else:
                super().close()
        finally:
            self._own.remove()
