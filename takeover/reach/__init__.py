"""How much of Envoy the probed configurations reach: extensions, fields, runtime guards."""
