"""The engine: scenarios on any Kubernetes cluster."""

import dataclasses
import itertools
import json
import re
import secrets
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from takeover.base.errors import BadInputError, LostError, TakeoverError
from takeover.engines.contract import Concurrency
from takeover.engines.kubernetes import access, credentials, objects
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.background import Background
from takeover.engines.kubernetes.deployment import KubernetesDeployment
from takeover.engines.kubernetes.images import Images
from takeover.engines.kubernetes.kubeconfig import find
from takeover.engines.kubernetes.life import Life
from takeover.engines.kubernetes.objects import Naming
from takeover.engines.kubernetes.pod import Cluster
from takeover.engines.kubernetes.refusals import ApiError
from takeover.engines.kubernetes.removal import remove_and_wait
from takeover.model.json import JsonObject
from takeover.model.release import Release
from takeover.scenario.loader import Scenario

_OLDEST = (1, 30)
"""The first Kubernetes whose exec can end stdin."""
_GONE_TIMEOUT = 120.0


def new_run_id() -> str:
    """Random, so that runs, and workers of one run, do not meet on a cluster."""
    return secrets.token_hex(4)


def _told(error: ApiError, scenario: Scenario, context: str) -> TakeoverError:
    """What a refusal means for who deploys: lost is what was there before, the rest is how the cluster is set up."""
    message = f"scenario {scenario.name}: {error}"
    if isinstance(error, LostError) or error.status == 404 or "being terminated" in error.message:
        return LostError(message)
    if error.status == 403:
        return BadInputError(
            f"{message}: a policy, a quota or the rights of context {context} are against it; have that changed, or "
            "choose another cluster by --kube-context"
        )
    return BadInputError(message)


def _check_version(api: Api, version: JsonObject) -> None:
    """Raises: BadInputError for a Kubernetes that is too old, or that does not say which it is."""
    minor = re.match(r"\d+", str(version.get("minor")))  # some have a "+" behind it
    try:
        parts = int(version["major"]), int(minor[0] if minor else "")
    except (KeyError, TypeError, ValueError):
        raise BadInputError(f"{api.server} does not say which Kubernetes it is: {json.dumps(version)[:200]}") from None
    if parts < _OLDEST:
        oldest = ".".join(str(each) for each in _OLDEST)
        told = version.get("gitVersion", ".".join(map(str, parts)))
        raise BadInputError(f"{api.server} is Kubernetes {told}: {oldest} is the oldest that can be used")


class KubernetesEngine:
    """See `takeover.engines.contract.Engine`. Making one asks nothing of the cluster yet.

    Args:
        context: the kubeconfig's context; None for its current one.
        kubeconfig: its file; None for KUBECONFIG or ~/.kube/config.
        images: role → reference, in place of the defaults of `takeover.engines.kubernetes.images`.
        run_id: part of the namespaces' names.
        ready_timeout: seconds until a scenario's Pods must be Ready.

    Raises: BadInputError for no kubeconfig, an unknown context or role.
    """

    name = "kubernetes"
    # A deployment mostly waits for the cluster.
    concurrency = Concurrency(at_once=2, ahead=4, probed=3)

    def __init__(
        self,
        context: str | None = None,
        kubeconfig: str | None = None,
        images: Mapping[str, str] | None = None,
        run_id: str | None = None,
        ready_timeout: float = 120.0,
    ) -> None:
        self.run_id = run_id or new_run_id()
        self._replaced = dict(images or {})
        self._images = Images(self._replaced)
        self._target = find(kubeconfig, context)
        self._timeout = ready_timeout
        self._numbers = itertools.count(1)
        self._cluster: Cluster | None = None
        self._connecting = threading.Lock()
        self._asked: set[str] = set()
        """For which kinds of objects it was asked whether they may be made."""

    @property
    def calls(self) -> Counter[str]:
        """How often each verb of the API was called so far."""
        return Counter(self._cluster.api.calls) if self._cluster else Counter()

    def deploy(self, scenario: Scenario, envoy: Release) -> KubernetesDeployment:
        # A build of one's own is in no image: its name is no tag, and that is told.
        images = Images(self._replaced, envoy.name)
        cluster = dataclasses.replace(self.connected(), images=images)
        self._check_rights(cluster, scenario)
        naming = Naming(self.run_id, next(self._numbers), scenario.name)
        deployment = KubernetesDeployment(cluster, naming, scenario, self._timeout)
        try:
            cluster.background.run(deployment.bring_up())
        except TakeoverError as error:
            with suppress(TakeoverError):  # the first failure is the one to tell
                deployment.delete()
            if isinstance(error, ApiError):
                raise _told(error, scenario, self._target.context) from error
            raise
        return deployment

    def _check_rights(self, cluster: Cluster, scenario: Scenario) -> None:
        """Asks once for what not every scenario has. Raises: BadInputError."""
        kinds = {str(each["kind"]) for each in scenario.objects()} & access.OF_KINDS.keys() - self._asked
        if kinds:
            cluster.background.run(access.check(cluster.api, [access.OF_KINDS[each] for each in sorted(kinds)]))
            self._asked |= kinds

    def close(self) -> None:
        """Deletes everything of this run and waits until it is gone.

        Raises: NotRemovedError that names what is left and what holds it, TakeoverError.
        """
        if self._cluster is None:
            return
        try:
            self._cluster.background.run(self._remove_all(self._cluster))
        finally:
            self._disconnect()

    def how_to_delete(self) -> str:
        """The shell command that deletes everything of this run."""
        return " ".join([*self._target.kubectl(), "delete", "namespaces", "--selector", f"{objects.RUN}={self.run_id}"])

    def _disconnect(self) -> None:
        if self._cluster is None:
            return
        cluster, self._cluster = self._cluster, None
        cluster.background.run(cluster.api.close())
        cluster.background.stop()

    def connected(self) -> Cluster:
        """Reaches the cluster, unless that is done. Raises: BadInputError for one that cannot be used."""
        with self._connecting:  # scenarios are deployed from several threads
            if self._cluster is None:
                background = Background()
                api = Api(self._target)
                cluster = Cluster(api, background, self._images, Life(api), set())
                try:
                    background.run(self._connect(cluster.api))
                except BaseException:
                    background.run(cluster.api.close())
                    background.stop()
                    raise
                background.start(cluster.life.speak())
                self._cluster = cluster
            return self._cluster

    async def _connect(self, api: Api) -> None:
        await api.open()
        try:
            _check_version(api, await api.get("/version"))
            await access.check(api)
        except LostError:
            raise
        except ApiError as error:
            raise BadInputError(
                f"context {self._target.context} cannot be used: {error}: {credentials.REMEDY}"
            ) from error

    async def _remove_all(self, cluster: Cluster) -> None:
        selector = f"{objects.RUN}={self.run_id}"
        found = await cluster.api.get("/api/v1/namespaces", [("labelSelector", selector)], verb="list")
        names = [entry["metadata"]["name"] for entry in found["items"]]
        going = [each["metadata"]["name"] for each in found["items"] if "deletionTimestamp" in each["metadata"]]
        await remove_and_wait(cluster.api, names, selector, _GONE_TIMEOUT, going)
