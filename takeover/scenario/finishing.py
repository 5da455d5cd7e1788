"""What becomes of a scenario's documents on their way to an engine: `bind`, what is supplied, how it is delivered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from takeover.base.errors import BadInputError
from takeover.scenario import places, replicas
from takeover.scenario.delivery import Delivery, delivered
from takeover.scenario.documents import Documents
from takeover.scenario.edit_tree import equal
from takeover.scenario.kustomization import GeneratedConfigMap
from takeover.scenario.places import DestinationPlace, EnvoyPlace
from takeover.scenario.supplying import supplied
from takeover.scenario.written_edits import LocatedEdit


@dataclass(frozen=True, eq=False)
class Finished:
    """What is deployed.

    Args:
        documents: with all that was added, and but for what only a run knows.
        envoys: each with the port of its admin API.
        config_maps: those that are generated.
        sentences: what was missing and was added.
    """

    documents: Documents
    envoys: tuple[EnvoyPlace, ...]
    config_maps: tuple[GeneratedConfigMap, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Finishing:
    """What a scenario says of that.

    Args:
        scenario: its name.
        bind: its own edits, which come after all others.
        envoys: as they are written; `destinations` and `config_maps` likewise.
        delivery: how the Envoys get their configuration.
    """

    scenario: str
    bind: Sequence[LocatedEdit]
    envoys: tuple[EnvoyPlace, ...]
    destinations: tuple[DestinationPlace, ...]
    config_maps: tuple[GeneratedConfigMap, ...]
    delivery: Delivery

    def finished(self, written: Documents, documents: Documents) -> Finished:
        """The documents as they are deployed.

        Args:
            written: as the manifests have them.
            documents: with all edits but those of `bind`.

        Raises: BadInputError for an edit of `bind` that finds its place no more, for a config whose form does not allow
            what is added, and for one that cannot be delivered so.
        """
        bound = _bound(written, documents, self.bind)
        replicas.check(bound)
        made = supplied(bound, self.envoys, self.destinations)
        out = delivered(made.documents, made.envoys, self.config_maps, self.delivery, self.scenario)
        envoys = places.of_each_replica(out.envoys, bound)
        return Finished(out.documents, envoys, out.config_maps, made.sentences)


def _bound(written: Documents, documents: Documents, bind: Iterable[LocatedEdit]) -> Documents:
    for located in bind:
        edit = located.edit
        try:
            if edit.op == "append" or equal(documents.at(edit), written.at(edit)):
                documents = documents.apply(edit)
            written = written.apply(edit)
        except BadInputError as error:
            raise BadInputError(f"{located.where}: {error}") from error
    return documents
