"""What the application of the manifests (parts/nginx) says in its answers: who it is and which request it saw."""

import httpx


def told(response: httpx.Response) -> dict[str, str]:
    """The lines `key: value` of the body: backend, client, server, method, uri, host, and the headers it saw."""
    pairs = (line.partition(": ") for line in response.text.splitlines())
    return {key.rstrip(":"): value for key, _, value in pairs}
