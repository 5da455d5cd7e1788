"""What an answer says: who gave it; and of the application of the manifests (bases/nginx), which request it saw."""

import httpx


class Echo(dict[str, str]):
    """What an answer says, by key; empty for what it does not say."""

    def __missing__(self, key: str) -> str:
        return ""


def echo(response: httpx.Response) -> Echo:
    """The lines `key: value` of the body: backend, client, server, method, uri, host, and the headers it saw."""
    pairs = (line.partition(": ") for line in response.text.splitlines())
    return Echo((key.rstrip(":"), value) for key, _, value in pairs)


def server_of(response: httpx.Response) -> str:
    """Who says to have answered: the header `server` without a version, such as "envoy"; empty if there is none."""
    return str(response.headers.get("server", "")).partition("/")[0]
