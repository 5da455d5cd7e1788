"""The local engine: every scenario on a node of its own, made of Linux namespaces on this machine."""
