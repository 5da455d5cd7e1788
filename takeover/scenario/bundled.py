"""Where the project's own manifests are: in the repository beside the package, in an installed one inside it."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def manifests() -> Path:
    """The folder with the scenarios and bases that come with the project."""
    beside = _PACKAGE.parent / "manifests"
    inside = _PACKAGE / "manifests"
    return inside if inside.is_dir() else beside
