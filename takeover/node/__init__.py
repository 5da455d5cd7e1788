"""Bare namespaces that end with their run: where any foreign binary runs."""
