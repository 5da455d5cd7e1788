"""Configurations with one field changed at a time, and what running Envoys say of each."""
