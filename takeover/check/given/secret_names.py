"""What in a configuration, a request or a log is called so that its value may be a secret, and what is public."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SECRET = re.compile(
    r"auth(?!or(?!i[sz]))|token(?!_bucket)|secret|passw|passphrase|credential|cookie|session|signature|hmac|jwt|bearer|csrf|xsrf"
    r"|(api|access|private|shared|encryption|account|json|signing|subscription|function)[-_]?key"
    r"|(^|[-_.])(key|pin|sig|otp|sso|code|pwd)$|x-amz-|x-goog-iam|x-vault",
    re.IGNORECASE,
)
"""In the name of a header, a parameter of a query, a field."""

PUBLIC_HEADERS = re.compile(
    r":.*|host|accept(-.*)?|access-control-.*|allow|alt-svc|cache-control|connection|content-.*|date|etag|expires|grpc-.*"
    r"|keep-alive|permissions-policy|pragma|referrer-policy|retry-after|server|strict-transport-security|te|trailer"
    r"|transfer-encoding|upgrade(-insecure-requests)?|user-agent|vary|via|x-content-type-options|x-envoy-(?!.*token).*"
    r"|x-forwarded-(for|host|path|port|prefix|proto)|x-frame-options|x-powered-by|x-request-id|x-robots-tag"
    r"|x-xss-protection",
    re.IGNORECASE,
)
"""Names of headers that are added with values which anybody may see."""

PUBLIC = _words(
    """
    access_log access_log_path address_prefix alpn alpn_protocols anon_db_path append_port asn_db_path audiences
    authority cache_path cipher_suites city_db_path cluster_names contains contains_match content_type
    country_db_path descriptor_path descriptor_value domain domains ecdh_curves endpoint_id event_log_path exact
    exact_match filename header_name host host_header host_redirect host_rewrite host_rewrite_header
    host_rewrite_literal host_rewrite_path_regex id isp_db_path issuer key library_path local_address method methods
    mount_point network_namespace operation operation_name path path_prefix path_redirect path_separated_prefix
    path_template pattern pipe prefix prefix_match prefix_redirect prefix_rewrite profile_path proto_descriptor
    regex region resource_name resource_names runtime_fraction safe_regex scheme scheme_redirect server_name
    server_names service service_name services shutdown signature_algorithms sni stat_name subdirectory subset_keys
    substitution suffix suffix_match suffixes symlink_root tag_name target_uri uri url user_agent_name
    user_agent_version version_info watched_directory
    """
)
"""Fields of Envoy's API whose texts tell what is asked and who answers: probes need them."""

FORMATS = _words("text_format text_format_source json_format typed_json_format format body_format formatters")
"""Fields that hold formats of logs and bodies."""

KEYS_WITHIN = frozenset({("credentials", "key"), ("keys", "k")})
"""Pairs of a field, and one of the message in it that is a secret whatever it is called."""

BODIES = _words("inline_string inline_bytes inline_code")
"""Fields of a DataSource that hold it itself."""
