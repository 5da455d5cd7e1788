"""Prove, on a real Envoy, that it takes over a Pod's traffic as it should."""
