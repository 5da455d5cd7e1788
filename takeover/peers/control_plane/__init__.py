"""A control plane: it gives Envoys their configuration by xDS, and records every message of it."""
