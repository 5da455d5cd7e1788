"""The engine for any Kubernetes cluster that a kubeconfig names."""

from takeover.engines.kubernetes.engine import KubernetesEngine

__all__ = ["KubernetesEngine"]
