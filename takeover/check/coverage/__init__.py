"""Measures which listeners, filter chains, routes and clusters of a configuration the probes reached."""
