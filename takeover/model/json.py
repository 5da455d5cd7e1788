"""What comes from JSON, or goes there, and has no type of ours: an object of Kubernetes' API, a config of Envoy's."""

from typing import Any

JsonObject = dict[str, Any]
"""An object as JSON and YAML have it."""
