"""Accounts of what happened: what the client, Envoy, the destination and the kernel say."""
