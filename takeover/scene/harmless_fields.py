"""Fields of Envoy's API whose values tell nobody's secret: all that leaves a lab of a config, beside its shape.

What stands in none of these lists is taken for a secret. `tests/scene/test_redaction.py` holds them against the API's
own descriptors, and `tests/scene/fields_that_stay.txt` has each field of the API that they let through.
"""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAMES = _words(
    """
    address address_prefix alpn_protocols alt_stat_name application_protocols category cluster cluster_header
    cluster_name cluster_names clusters descriptor_key disabled_extensions domains eds_service_name filename
    filter_name flags header_name headers_to_remove hostname http_header_name instance_name local_cluster_name
    metadata_context_namespaces metadata_namespace name provider_name request_headers_to_remove resolver_name
    response_headers_to_remove retry_on route_config_name route_configuration_name route_name rules_stat_prefix
    runtime_key server_names shadow_rules_stat_prefix stat_prefix stats_prefix sub_zone tcp_cluster_name
    transport_protocol type_descriptor type_url type_urls upgrade_type user_agent_name version_info zone
    """
)
"""What things are called: strings, and lists of them."""

NAMES_WITHIN = frozenset({
    ("node", "id"), ("header", "key"), ("headers", "key"), ("initial_metadata", "key"), ("element", "key"),
    ("entries", "key"), ("key_sources", "header"), ("key_sources", "query"), ("key_sources", "cookie"),
    ("request_rules", "header"), ("request_rules", "cookie"),
    ("response_rules", "header"), ("response_rules", "cookie"),
})  # fmt: skip
"""Pairs of a field, and one of the message in it that is a name there and may be a secret elsewhere."""

_TIMES = _words(
    """
    access_log_flush_interval base_ejection_time base_interval buffer_flush_interval cleanup_interval
    cluster_refresh_rate cluster_refresh_timeout connect_timeout delay delayed_close_timeout dns_jitter
    dns_min_refresh_rate dns_query_timeout dns_refresh_rate downstream_idle_timeout drain_time drain_timeout
    duration failed_refetch_duration file_flush_interval fill_interval fixed_delay flush_interval flush_timeout
    grpc_timeout_header_max grpc_timeout_header_offset healthy_edge_interval host_ttl idle_network_timeout
    idle_timeout initial_fetch_timeout initial_interval initial_jitter interval interval_jitter kill_timeout
    last_update_attempt last_updated listener_filters_timeout load_reporting_interval max_connection_duration
    max_downstream_connection_duration max_ejection_time max_ejection_time_jitter max_grpc_timeout max_interval
    max_lifetime max_message_timeout max_stream_duration megamiss_timeout memory_release_interval message_timeout
    min_timeout miss_timeout multikill_timeout no_traffic_healthy_interval no_traffic_interval op_timeout
    parent_shutdown_time per_try_idle_timeout per_try_timeout polling_interval refresh_delay refresh_interval
    request_headers_timeout request_timeout resolver_timeout sampling_window slow_start_window
    stats_eviction_interval stats_flush_interval stream_flush_timeout stream_idle_timeout time timeout
    transport_socket_connect_timeout ttl unhealthy_edge_interval unhealthy_interval update_merge_window
    upstream_idle_timeout upstream_log_flush_interval weight_expiration_period weight_update_period
    """
)

_ENUMERATIONS = _words(
    """
    access_log_type action api_type append_action blanket_rule client_status cluster_not_found_response_code
    codec_client_type codec_type collector_endpoint_version compression_level compression_strategy config_status
    connection_status denominator direction disallowed_versions dns_lookup_family drain_strategy drain_type
    eds_health_status enable_mode enable_x_ratelimit_headers failure_policy fallback_policy filtering_mode
    first_address_family_version formatter_type_on_envoy_headers forward_client_cert_details hash_function
    headers_with_underscores_action health_checker_type health_status histogram_emit_mode internal_redirect_action
    lb_policy local_address_ip_version locality_basis metadata_fallback_policy mode ocsp_staple_policy op
    operation_name override_option path_with_escaped_slashes_action primitive priority protocol_selection
    request_body_mode request_header_mode request_method request_trailer_mode require_tls resource_api_version
    response_body_mode response_code response_header_mode response_trailer_mode route_cache_action same_site
    san_type selection_method server_header_transformation source source_type state strategy time_unit
    tls_maximum_protocol_version tls_minimum_protocol_version traffic_direction transport_api_version
    trust_chain_verification unit upstream_connect_mode vh_rate_limits
    """
)

# Those that JSON cannot hold whole, so that they are written as strings.
_NUMBERS = _words(
    """
    cache_size host_selection_retry_max_attempts limit_kbps max_active_downstream_connections max_buffered_bytes
    max_cache_size_bytes max_connections max_heap_size_bytes max_pending_lookups max_rx_datagram_size
    maximum_ring_size memory_buffer_bytes_limit min_cluster_size minimum_ring_size num_buckets qps
    request_body_buffer_limit stats_server_version_override table_size
    """
)

WRITTEN = {
    re.compile(r"-?\d{1,12}(\.\d{1,9})?s|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"): _TIMES,
    re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}"): _ENUMERATIONS,
    re.compile(r"-?\d{1,20}"): _NUMBERS,
}
"""How a value is written → the fields that may hold one, which hold nothing else anywhere in the API."""

FREE_FORM = _words(
    """
    attachment_template attributes aws base bucket context_extensions custom_tags default_subset dynamic_metadata
    dynamic_parameters extension_protocol_options fields filter_context filter_metadata headers
    initial_resource_versions json_format key_values labels layer mapped_request_attributes
    mapped_response_attributes match metadata params per_filter_config record request_headers response_headers
    response_trailers static_layer struct_value transport_socket_match_criteria typed_json_format typed_metadata
    """
)
"""Fields that hold data of anybody's own form where they hold an object: the names in it are not the API's."""

MESSAGE_WITHIN = frozenset({("actions", "metadata"), ("routes", "match"), ("rules", "match")})
"""Pairs of a field, and one in it that is a message of the API there and free elsewhere."""

ANY_VALUE = frozenset({"list_value", "value", "values"})
"""Fields that hold data of anybody's own form whatever they hold: numbers and lists, too."""
