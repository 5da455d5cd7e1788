"""Reads what somebody gives: a bootstrap, or what runs in production as a config dump."""
