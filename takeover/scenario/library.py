"""A folder of scenarios: the project's own, or anybody's."""

from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario import bundled, names
from takeover.scenario.declared import KnownFailure, known_failure_of
from takeover.scenario.delivery import Delivery
from takeover.scenario.files import not_read, other_suffix, own_file
from takeover.scenario.loader import Scenario
from takeover.scenario.scenario_file import FILE, ScenarioFile
from takeover.scenario.typed_yaml import read_entry

_BASES = "bases"
_SETS = "probes"


class Library:
    """The scenarios of one folder, each read once.

    A scenario is a folder in it, or in a folder of it, that has a scenario.yaml; it is called as its folder is.

    Args:
        folder: where they are. `bases` in it holds what several of them take, `bases/probes` sets of probes.
        delivery: how their Envoys get their configuration.

    Raises: BadInputError if there is no such folder.
    """

    def __init__(self, folder: Path, delivery: Delivery = "static") -> None:
        if not folder.is_dir():
            raise BadInputError(f"{display_path(folder)}: no such folder; scenarios are folders in it with {FILE}")
        self.folder = folder.resolve()
        self.delivery = delivery
        self._read: dict[tuple[str, tuple[str, ...]], Scenario] = {}
        self._files: dict[str, ScenarioFile] = {}

    @staticmethod
    @cache
    def bundled() -> "Library":
        """The project's own scenarios."""
        return Library(bundled.manifests())

    def names(self) -> list[str]:
        """The scenarios that there are, sorted."""
        return sorted(self._folders)

    def names_with(self, file: str) -> list[str]:
        """Those that have such a file in their folder, sorted: none of them needs be read for that.

        One that has it as .yml is among them, and is refused when it is read.
        """
        return sorted(
            name
            for name, folder in self._folders.items()
            if (folder / file).exists() or other_suffix(folder / file).exists()
        )

    def folder_of(self, name: str) -> Path:
        """That of a scenario that there is, whether or not it can be read. Raises: KeyError."""
        return self._folders[name]

    def file(self, name: str, file: str) -> Path:
        """Where a scenario's file of that name is, if it has one. Raises: BadInputError for a link out of the roots."""
        return own_file(self._folder(name).resolve(), file, self.roots)

    def chapter(self, name: str) -> str:
        """The marker of a scenario's tests: of its scenario.yaml alone is read what is not read yet.

        Raises: BadInputError, as for the scenario.
        """
        if (read := self._read.get((name, ()))) is not None:
            return read.chapter
        return self._file(name).chapter

    def known_failures(self, name: str) -> tuple[KnownFailure, ...]:
        """Its tests that are known to fail, likewise. Raises: BadInputError, as for the scenario."""
        if (read := self._read.get((name, ()))) is not None:
            return read.known_failures
        return tuple(map(known_failure_of, self._file(name).known_failures))

    def _file(self, name: str) -> ScenarioFile:
        if name not in self._files:
            self._files[name] = read_entry(self.file(name, FILE), ScenarioFile)
        return self._files[name]

    @cached_property
    def _folders(self) -> dict[str, Path]:
        """The scenarios' folders by their names. Raises: BadInputError for two of one name, and for a scenario.yml."""
        found: dict[str, Path] = {}
        files = {FILE, other_suffix(Path(FILE)).name}
        paths = (path for name in files for pattern in ("*", "*/*") for path in self.folder.glob(f"{pattern}/{name}"))
        for path in sorted(paths):
            if path.name != FILE:
                raise not_read(path, FILE)
            first = found.setdefault(path.parent.name, path.parent)
            if first != path.parent:
                raise BadInputError(
                    f"{display_path(path.parent)}: there is a scenario {first.name} at {display_path(first)}; "
                    "name one of them otherwise"
                )
        return found

    def scenario(self, name: str, bases: Iterable[str] = ()) -> Scenario:
        """The scenario of that name, with what the folders `bases` hold deployed beside it.

        Raises: BadInputError, mostly "FILE:LINE: …"; for an unknown name it lists those that there are.
        """
        key = (name, tuple(bases))
        if key not in self._read:
            self._read[key] = Scenario.load(self, self._folder(name), [self.base(each) for each in key[1]])
        return self._read[key]

    def _folder(self, name: str) -> Path:
        if (folder := self._folders.get(name)) is None:
            raise BadInputError(f"no scenario {name!r}; there are {', '.join(sorted(self._folders)) or 'none'}")
        if wrong := names.wrong_label_value(name):
            raise BadInputError(f"{display_path(self.folder)}: a scenario's folder {wrong}")
        if not folder.resolve().is_relative_to(self.folder):
            raise BadInputError(f"{display_path(folder)}: a link out of the library: put the folder itself there")
        return folder

    def base(self, name: str) -> Path:
        """The folder of the base: this library's, or one that comes with the project.

        Raises: BadInputError that lists them.
        """
        for root in self._base_folders():
            if _is_inside(root, name) and (root / name / "kustomization.yaml").is_file():
                return root / name
        there = {
            str(each.parent.relative_to(root))
            for root in self._base_folders()
            for each in root.glob("**/kustomization.yaml")
        }
        raise BadInputError(f"there is no base {name}; there are {', '.join(sorted(there)) or 'none'}")

    def probe_set(self, name: str) -> Path:
        """The file of the set of probes, likewise. Raises: BadInputError that lists them."""
        for root in self._base_folders():
            if _is_inside(root / _SETS, f"{name}.yaml") and (root / _SETS / f"{name}.yaml").is_file():
                return root / _SETS / f"{name}.yaml"
        there = {each.stem for root in self._base_folders() for each in (root / _SETS).glob("*.yaml")}
        raise BadInputError(f"there is no set {name}; there are {', '.join(sorted(there)) or 'none'}")

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders in which all is that its scenarios take: its own, and what comes with the project."""
        return self.folder, bundled.manifests()

    def _base_folders(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys((self.folder / _BASES, bundled.manifests() / _BASES)))


def _is_inside(root: Path, name: str) -> bool:
    """Whether what is called so in the folder is there: neither by a way up nor by a link out of it."""
    try:
        return "\0" not in name and (root / name).resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a name that the system does not take; a loop of symbolic links
        return False
