"""A deployed scenario as a test sees it: its Pods, its Envoy, and clients inside the Pods."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import BadInputError, DeploymentError
from takeover.engines.contract import Container, Deployment, Engine, Pod
from takeover.envoy.admin import Admin
from takeover.envoy.used_stats import UsedStats
from takeover.evidence.deliveries import Deliveries
from takeover.evidence.envoy_witness import EnvoyWitness
from takeover.evidence.log_formats import check_formats
from takeover.evidence.observed import ObservedTraffic
from takeover.evidence.snapshots import Witnesses
from takeover.model.measurement import Measurement
from takeover.model.release import Release
from takeover.net.stream import ByteStream
from takeover.scenario.edits import Edit
from takeover.scenario.loader import Scenario
from takeover.scenario.places import EnvoyPlace, services_that_select
from takeover.scene.clients import Clients
from takeover.scene.control_planes import control_planes_of, record_of
from takeover.scene.serving import must_be, must_have_taken_all, rejections_told

_SERVING_DEADLINE = 10.0
Begun = TypeVar("Begun")


class Scene(Clients):
    """One deployment of a scenario. A place is a Pod as the manifest names it, and a container of it.

    Args:
        release: the Envoy that stands behind its Envoy image.
    """

    def __init__(self, deployment: Deployment, release: Release) -> None:
        super().__init__(deployment)
        self.release = release
        self._admins: dict[tuple[str, str], Admin] = {}
        self._witnesses: Witnesses | None = None
        self._deliveries = Deliveries({}, {})
        self._watching = False
        self._configured = self._replacement = deployment.scenario
        self.watched_blocks: list[ObservedTraffic] = []
        self.measurements: list[Measurement] = []
        """What a test measured and judged, for whoever makes reports: see `Choice`, `Bucket`."""
        self._early: dict[Callable[[Scene], Any], Future[Any]] = {}
        self._closing = contextlib.ExitStack()
        try:
            self._wait_until_the_deployed_config_serves()
            told = [self.admin_of(each).server_info() for each in self.envoys]
            for place, info in zip(self.envoys, told, strict=True):
                must_be(release, deployment, place, info)
            self.server_info = told[0]
            """What the first Envoy says that it is."""
        except BaseException:
            self._closing.close()
            raise

    @classmethod
    def deploy(cls, engine: Engine, envoy: Release, scenario: Scenario) -> "Scene":
        """Deploys the scenario; ready for traffic."""
        check_formats(scenario)
        with rejections_told(scenario):
            deployment = engine.deploy(scenario, envoy)
        try:
            return cls(deployment, envoy)
        except BaseException:
            deployment.delete()
            raise

    def begin(self, start: Callable[["Scene"], Begun]) -> None:
        """Starts what takes a while; what it returns or raises is for `begun`."""
        early: Future[Any] = Future()
        try:
            early.set_result(start(self))
        except Exception as error:  # noqa: BLE001 - it is the test's, which asks for it
            early.set_exception(error)
        self._early[start] = early

    def begun(self, start: Callable[["Scene"], Begun]) -> Begun:
        """What the function has returned that was begun early; it begins now where it was not, or was asked for before.

        Raises: what it raised.
        """
        early = self._early.pop(start, None)
        return start(self) if early is None else early.result()

    def service_ip(self, name: str) -> str:
        """The Service's ClusterIP."""
        return self.deployment.service_ip(name)

    def host_name(self, service: str) -> str:
        """The Service's full DNS name."""
        return self.deployment.host_name(service)

    @contextlib.contextmanager
    def watched(self, held: int = 0) -> Iterator[ObservedTraffic]:
        """Lets every witness say what the traffic of the block did: each Envoy, the destinations, the Pods' rules.

        The block ends when all is at rest and written down. Connections with Envoy that it opens must end in it (those
        that several Envoys have with each other may stay). Of one that raises there is what was known a moment later.

        Args:
            held: how many connections with Envoy the block leaves open nevertheless.
        """
        if self._witnesses is None:
            self._witnesses = Witnesses(self.deployment, [self._witness(each) for each in self.envoys])
            self._closing.callback(self._witnesses.close)
            self._deliveries = self._deliveries_read()
        witnesses, connections, deliveries = self._witnesses, self._connections, self._deliveries
        before = witnesses.before(connections.open_now, connections.attempted)
        deliveries.begin()
        observed = ObservedTraffic()
        with connections.recorded() as clients:
            self._watching = True
            try:
                yield observed
                after = witnesses.after(before, held, connections.attempted)
                observed.tell(before, after, clients.hops, deliveries.end())
            except (KeyboardInterrupt, SystemExit, GeneratorExit):
                raise
            except BaseException:  # pytest's own among them: the evidence of a block that fails tells why it does
                observed.tell(before, witnesses.after_failure(before, held), clients.hops, deliveries.end())
                raise
            finally:
                self._watching = False
                if observed.is_told:
                    self.watched_blocks.append(observed)

    def _deliveries_read(self) -> Deliveries:
        """Reads what the control planes there are record of the Envoys as they are called now."""
        places = control_planes_of(self.deployment)
        read = {each.name: functools.partial(record_of, self.deployment, each) for each in places}
        several = len(self.envoys) > 1
        nodes = {
            self.admin_of(each).node_id(): f"{each.pod}/{each.container}" if several else ""
            for each in self.envoys
            if read
        }
        return Deliveries(read, nodes)

    def _witness(self, place: EnvoyPlace) -> EnvoyWitness:
        pod, of_pod = self.pod(place.pod), [each for each in self.envoys if each.pod == place.pod]
        name = f"{place.pod}/{place.container}" if len(self.envoys) > 1 else ""
        used = UsedStats(self.connect_to_admin(place), place.control_planes)
        services = self._services_of(place.pod) if name else ()
        return EnvoyWitness(
            pod, pod.container(place.container), self.admin_of(place), used, name, services, place is of_pod[0]
        )

    def _services_of(self, pod: str) -> list[str]:
        """The addresses of the Services that lead to the Pod."""
        documents = self.deployment.scenario.objects()
        return [self.service_ip(each) for each in services_that_select(documents, pod)]

    @property
    def envoys(self) -> tuple[EnvoyPlace, ...]:
        """Every Envoy of the scenario, the first one first."""
        return self._configured.envoys

    @property
    def envoy_pod(self) -> Pod:
        """The Pod of the first Envoy, whose traffic it takes over."""
        return self.pod(self.envoys[0].pod)

    @property
    def envoy_container(self) -> Container:
        """Its container there."""
        return self.envoy_pod.container(self.envoys[0].container)

    @property
    def envoy(self) -> Admin:
        """The admin API of the scenario's first Envoy."""
        return self.admin_of(self.envoys[0])

    def admin_of(self, place: EnvoyPlace) -> Admin:
        """The admin API of any of its Envoys."""
        key = (place.pod, place.container)
        if key not in self._admins:
            from takeover.net import http

            client = http.client(lambda *_: self.connect_to_admin(place), base_url="http://envoy.admin")
            self._admins[key] = Admin(self._closing.enter_context(client))
        return self._admins[key]

    def connect_to_admin(self, place: EnvoyPlace | None = None) -> ByteStream:
        """A connection to the admin port of one of its Envoys, the first one if none is given."""
        place = place or self.envoys[0]
        return self.pod(place.pod).forward(place.admin_port)

    def replace_config(self, name: str, edits: Iterable[Edit] = ()) -> None:
        """Replaces the ConfigMaps by those of another scenario of its library; the Pod sees them after its restart."""
        self._replacement = self._configured.library.scenario(name).edited(edits)
        self.deployment.replace_config_map(self._replacement)

    def restart(self, pod: str) -> None:
        """Deletes the Pod, makes it again, and waits until the config that is deployed now serves.

        Raises: BadInputError within `watched`, whose witnesses count from its beginning on.
        """
        self._must_not_be_watching(f"restart {pod}")
        self._close_clients()
        with rejections_told(self._replacement):
            if self._replacement is not self._configured:
                for each in self._replacement.control_planes:  # it serves what was there when it began
                    self.pod(each).restart()
            self.pod(pod).restart()
        self._configured = self._replacement
        self._wait_until_the_deployed_config_serves()

    def scale(self, deployment: str, replicas: int) -> None:
        """Gives a Deployment so many replicas: `NAME-0`, `NAME-1` and so on; those that are new are Ready then.

        Raises: BadInputError within `watched`, whose witnesses are those of its beginning.
        """
        self._must_not_be_watching(f"scale {deployment}")
        if self._witnesses is not None:
            self._witnesses.close()
            self._witnesses = None
        before = self.deployment.scenario
        self.deployment.scale(deployment, replicas)
        if self._configured is before:
            self._configured = self._replacement = self.deployment.scenario
        else:  # its config was replaced, and is not read yet
            self._configured = self._configured.scaled(deployment, replicas)
            self._replacement = self._replacement.scaled(deployment, replicas)
        self._wait_until_the_deployed_config_serves()

    def _must_not_be_watching(self, what: str) -> None:
        if self._watching:
            raise BadInputError(f"{what} outside of `with scene.watched()`: a block has its witnesses")

    def pods(self, deployment: str) -> list[Pod]:
        """A Deployment's Pods in the order of their numbers. Raises: BadInputError where there is none of that name."""
        return [self.pod(each) for each in self.deployment.scenario.replicas(deployment)]

    def stop(self, pod: str, container: str, port: int) -> None:
        """Ends the container's first process (SIGTERM) and waits until nobody listens on `port` of its Pod any more."""
        self.pod(pod).container(container).exec(["sh", "-c", "kill -TERM 1"])
        other = next(each for each in self.pod(pod).containers if each != container)

        def listens() -> bool:
            try:
                self.connect(pod, "127.0.0.1", port, other).close()
            except ConnectionRefusedError:
                return False
            return True

        waiting = Retrying(retry=retry_if_result(bool), wait=wait_fixed(0.01), stop=stop_after_delay(_SERVING_DEADLINE))
        try:
            waiting(listens)
        except RetryError:
            raise DeploymentError(
                f"{pod}/{container} still listens on {port} {_SERVING_DEADLINE:g} s after SIGTERM"
            ) from None

    def _wait_until_the_deployed_config_serves(self) -> None:
        with rejections_told(self._configured):
            for each in self.envoys:
                try:
                    self.admin_of(each).wait_until_serving(self.deployment.config_id, _SERVING_DEADLINE)
                    must_have_taken_all(self._configured, self.admin_of(each))
                except DeploymentError as error:  # a Pod is Ready without its Envoy where no probe asks that
                    name = f"{each.pod}/{each.container}"
                    raise DeploymentError(f"{name}: {error}", self._logs(), name) from None

    def _logs(self) -> dict[str, str]:
        return {
            f"log of {name}/{container}": each.logs()
            for name, pod in self.deployment.pods.items()
            for container, each in pod.containers.items()
        }

    def _close_clients(self) -> None:
        self._closing.close()
        self._admins.clear()
        self._witnesses = None

    def close(self) -> None:
        """Removes the deployment, also where a client of it cannot be closed."""
        try:
            self._close_clients()
        finally:
            self.deployment.delete()
