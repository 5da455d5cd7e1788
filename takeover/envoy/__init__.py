"""Envoy itself: which releases there are to test, and its admin API."""
