"""A deployed scenario as a test sees it."""

from takeover.scene.clients import NoAnswerError
from takeover.scene.scene import Scene

__all__ = ["NoAnswerError", "Scene"]
