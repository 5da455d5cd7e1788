"""Probes: requests at the edges of what a scenario configures, and all that is visible of what becomes of them."""
