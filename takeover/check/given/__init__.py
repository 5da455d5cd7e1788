"""Reads what somebody gives: a bootstrap, or what runs in production as a config dump."""

from takeover.check.given.reading import read

__all__ = ["read"]
