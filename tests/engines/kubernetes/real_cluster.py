"""The real cluster of these tests, which TAKEOVER_TEST_KUBE_CONTEXT (and KUBECONFIG) name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from takeover.engines.kubernetes import KubernetesEngine, kubeconfig
from takeover.engines.kubernetes.api import Api
from takeover.envoy.releases import resolve

CONTEXT = os.environ.get("TAKEOVER_TEST_KUBE_CONTEXT")
RELEASE = resolve(None)[0]

needed = pytest.mark.skipif(not CONTEXT, reason="no cluster: set TAKEOVER_TEST_KUBE_CONTEXT")


def new_engine(**options: Any) -> KubernetesEngine:
    return KubernetesEngine(**{"context": CONTEXT, **options})


@contextmanager
def asking() -> Iterator[Any]:
    """Calls the API by coroutines of `Api`: ask(lambda api: api.get(…))."""
    from takeover.engines.kubernetes.background import Background

    background = Background()
    api = Api(kubeconfig.find(None, CONTEXT))
    background.run(api.open())
    try:
        yield lambda call: background.run(call(api))
    finally:
        background.run(api.close())
        background.stop()


def namespaces_of(engine: KubernetesEngine) -> list[str]:
    selector = [("labelSelector", f"envoy-takeover/run={engine.run_id}")]
    with asking() as ask:
        found = ask(lambda api: api.get("/api/v1/namespaces", selector))
    return [entry["metadata"]["name"] for entry in found["items"]]
