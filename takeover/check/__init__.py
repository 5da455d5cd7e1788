"""Somebody's own configuration: read as it is given, a world made around it, probes worked out, what they reach."""
