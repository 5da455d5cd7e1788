"""A deployed scenario as a test sees it."""

from takeover.scene.scene import NoAnswerError, Scene

__all__ = ["NoAnswerError", "Scene"]
