"""A context's address and credentials, read by the Python client; some are asked of a plugin."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.config import kube_config

from takeover.base.errors import BadInputError
from takeover.engines.kubernetes.kubeconfig import Target

REMEDY = "log in again, or choose another context by --kube-context"


async def load(target: Target) -> tuple[Any, Any]:
    """Returns the client's configuration, and its loader, by which credentials can be asked for anew.

    Raises: BadInputError for what cannot be read, and for a plugin that gives no credentials.
    """
    configuration: Any = client.Configuration()
    try:
        with _plugin_errors() as said:
            loader: Any = await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
                target.files, target.context, configuration, persist_config=False
            )
    except Exception as error:
        text = " ".join(str(error).split())
        raise BadInputError(f"cannot use context {target.context} of {target.files}: {text}") from error
    # The client goes on without credentials, and the cluster would refuse somebody whom nobody knows.
    if said and not (configuration.api_key or configuration.cert_file):
        command = loader._user["exec"].safe_get("command") or "without a command"
        raise BadInputError(
            f"context {target.context} has no credentials: its plugin ({command}) failed: {'; '.join(said)}: {REMEDY}"
        )
    # kubectl does not insist on it either, and clusters' own CAs often lack what it asks for.
    configuration.disable_strict_ssl_verification = True
    return configuration, loader


@contextmanager
def _plugin_errors() -> Iterator[list[str]]:
    """What the client logs as errors meanwhile, which are those of plugins: it tells them in no other way."""
    said: list[str] = []

    def hear(record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            return True
        said.append(" ".join(record.getMessage().split()))
        return False

    kube_config.logger.addFilter(hear)
    try:
        yield said
    finally:
        kube_config.logger.removeFilter(hear)
