"""The scenarios: their Kubernetes objects, Envoy configs, and edits of both."""
