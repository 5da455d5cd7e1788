"""Credentials of this run: what a filter asks for is a secret that only production has, so each takes these, too."""

from typing import Final

USER: Final = "takeover"
PASSWORD: Final = "a password of tests"  # noqa: S105 - nobody else has it
API_KEY: Final = "a-key-of-tests"
CLIENT: Final = "takeover"
"""Who has the API key."""

_PACKAGE: Final = "envoy.extensions.filters.http"
BASIC: Final = f"{_PACKAGE}.basic_auth.v3.BasicAuth"
BASIC_OF_ROUTE: Final = f"{_PACKAGE}.basic_auth.v3.BasicAuthPerRoute"
KEYS: Final = f"{_PACKAGE}.api_key_auth.v3.ApiKeyAuth"
KEYS_OF_ROUTE: Final = f"{_PACKAGE}.api_key_auth.v3.ApiKeyAuthPerRoute"
