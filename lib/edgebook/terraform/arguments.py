"""Every argument the export can write, with the version of the google provider that brought it.

A table and look-ups only. What is not in it is not written: an argument that a provider does not
know makes it refuse the whole file. Looked up in the schemas of the provider itself, 6.1.0 to
6.50.0, version by version; its beta channel of 7.2.0 and of April 2026 has all of them still.
`KNOWN` is a lower bound: the argument is in 6.1.0, and may be older. What only came with 7.x is
not listed.
"""

from collections.abc import Mapping
from typing import Union

from edgebook.model.fields import at

Shape = Mapping[str, Union[str, "Shape"]]  # argument -> its version; block -> what is in it

KNOWN = "6.1.0"
BELOW = "8.0.0"  # nothing is known of what the provider changes there


def _since(version: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), version)


def _known(names: str) -> dict[str, str]:
    return _since(KNOWN, names)


_COMMON = _known("description name project")
_DURATION = _known("nanos seconds")
_HEADERS = _known("header_name header_value replace")
_HEADER_ACTION: Shape = {
    **_known("request_headers_to_remove response_headers_to_remove"),
    "request_headers_to_add": _HEADERS,
    "response_headers_to_add": _HEADERS,
}
_CUSTOM_ERRORS: Shape = {
    **_since("6.41.0", "error_service"),
    "error_response_rule": _since("6.41.0", "match_response_codes override_response_code path"),
}
_REDIRECT = _known(
    "host_redirect https_redirect path_redirect prefix_redirect redirect_response_code strip_query"
)
_CORS = _known(
    "allow_credentials allow_headers allow_methods allow_origin_regexes allow_origins disabled"
    " expose_headers max_age"
)
_REWRITE = _known("host_rewrite path_prefix_rewrite")
_ROUTE_ACTION: Shape = {
    "cors_policy": _CORS,
    "fault_injection_policy": {
        "abort": _known("http_status percentage"),
        "delay": {**_known("percentage"), "fixed_delay": _DURATION},
    },
    "max_stream_duration": _since("6.24.0", "nanos seconds"),
    "request_mirror_policy": _known("backend_service"),
    "retry_policy": {**_known("num_retries retry_conditions"), "per_try_timeout": _DURATION},
    "timeout": _DURATION,
    "url_rewrite": _REWRITE,
    "weighted_backend_services": {
        **_known("backend_service weight"),
        "header_action": _HEADER_ACTION,
    },
}
_FILTERS: Shape = {**_known("filter_match_criteria"), "filter_labels": _known("name value")}
_MATCH_RULES: Shape = {
    **_known("full_path_match ignore_case path_template_match prefix_match regex_match"),
    "header_matches": {
        **_known("exact_match header_name invert_match prefix_match present_match regex_match"),
        **_known("suffix_match"),
        "range_match": _known("range_end range_start"),
    },
    "metadata_filters": _FILTERS,
    "query_parameter_matches": _known("exact_match name present_match regex_match"),
}
_ROUTE_RULES: Shape = {
    **_known("priority service"),
    "custom_error_response_policy": _CUSTOM_ERRORS,
    "header_action": _HEADER_ACTION,
    "match_rules": _MATCH_RULES,
    "route_action": {**_ROUTE_ACTION, "url_rewrite": _REWRITE | _known("path_template_rewrite")},
    "url_redirect": _REDIRECT,
}
_DEFAULTS: Shape = {
    **_known("default_service"),
    "default_custom_error_response_policy": _CUSTOM_ERRORS,
    "default_route_action": _ROUTE_ACTION,
    "default_url_redirect": _REDIRECT,
    "header_action": _HEADER_ACTION,
}
_HTTP_CHECK = _known("host port port_name port_specification proxy_header request_path response")
_TCP_CHECK = _known("port port_name port_specification proxy_header request response")
_PROXY = {**_COMMON, **_known("certificate_map ssl_certificates ssl_policy")}

ARGUMENTS: Mapping[str, Shape] = {
    "google_certificate_manager_certificate": {
        **_COMMON,
        **_known("labels scope"),
        "managed": _known("dns_authorizations domains issuance_config"),
    },
    "google_certificate_manager_certificate_map": {**_COMMON, **_known("labels")},
    "google_certificate_manager_certificate_map_entry": {
        **_COMMON,
        **_known("certificates hostname labels map matcher"),
    },
    "google_certificate_manager_dns_authorization": {**_COMMON, **_known("domain labels type")},
    "google_compute_backend_service": {
        **_COMMON,
        **_known("affinity_cookie_ttl_sec compression_mode connection_draining_timeout_sec"),
        **_known("custom_request_headers custom_response_headers edge_security_policy enable_cdn"),
        **_known("health_checks load_balancing_scheme locality_lb_policy port_name protocol"),
        **_known("security_policy service_lb_policy session_affinity timeout_sec"),
        **_since("6.8.0", "ip_address_selection_policy"),
        **_since("6.36.0", "external_managed_migration_state"),
        **_since("6.36.0", "external_managed_migration_testing_percentage"),
        "backend": {
            **_known("balancing_mode capacity_scaler description group max_connections"),
            **_known("max_connections_per_endpoint max_connections_per_instance max_rate"),
            **_known("max_rate_per_endpoint max_rate_per_instance max_utilization"),
            **_since("6.31.0", "preference"),
            "custom_metrics": _since("6.25.0", "dry_run max_utilization name"),
        },
        "cdn_policy": {
            **_known("cache_mode client_ttl default_ttl max_ttl negative_caching"),
            **_known("serve_while_stale signed_url_cache_max_age_sec"),
            **_since("6.31.0", "request_coalescing"),
            "bypass_cache_on_request_headers": _known("header_name"),
            "cache_key_policy": {
                **_known("include_host include_http_headers include_named_cookies"),
                **_known("include_protocol include_query_string"),
                **_known("query_string_blacklist query_string_whitelist"),
            },
            "negative_caching_policy": _known("code ttl"),
        },
        "circuit_breakers": {
            **_known("max_connections max_pending_requests max_requests"),
            **_known("max_requests_per_connection max_retries"),
        },
        "consistent_hash": {
            **_known("http_header_name minimum_ring_size"),
            "http_cookie": {**_known("name path"), "ttl": _DURATION},
        },
        "custom_metrics": _since("6.25.0", "dry_run name"),
        "iap": _known("enabled oauth2_client_id oauth2_client_secret"),
        "locality_lb_policies": {"custom_policy": _known("data name"), "policy": _known("name")},
        "log_config": {
            **_known("enable sample_rate"),
            **_since("6.31.0", "optional_fields optional_mode"),
        },
        "max_stream_duration": _since("6.31.0", "nanos seconds"),
        "outlier_detection": {
            **_known("consecutive_errors consecutive_gateway_failure enforcing_consecutive_errors"),
            **_known("enforcing_consecutive_gateway_failure enforcing_success_rate"),
            **_known("max_ejection_percent success_rate_minimum_hosts"),
            **_known("success_rate_request_volume success_rate_stdev_factor"),
            "base_ejection_time": _DURATION,
            "interval": _DURATION,
        },
        "security_settings": {
            **_known("client_tls_policy subject_alt_names"),
            "aws_v4_authentication": _known(
                "access_key access_key_id access_key_version origin_region"
            ),
        },
        "strong_session_affinity_cookie": {
            **_since("6.6.0", "name path"),
            "ttl": _since("6.6.0", "nanos seconds"),
        },
        "tls_settings": {
            **_since("6.44.0", "authentication_config sni"),
            "subject_alt_names": _since("6.44.0", "dns_name uniform_resource_identifier"),
        },
    },
    "google_compute_firewall": {
        **_COMMON,
        **_known("destination_ranges direction disabled network priority source_ranges"),
        **_known("source_service_accounts source_tags target_service_accounts target_tags"),
        "allow": _known("ports protocol"),
        "log_config": _known("metadata"),
        "params": _since("6.44.0", "resource_manager_tags"),
    },
    "google_compute_global_address": {
        **_COMMON,
        **_known("address address_type ip_version labels network prefix_length purpose"),
    },
    "google_compute_global_forwarding_rule": {
        **_COMMON,
        **_known("ip_address ip_protocol ip_version labels load_balancing_scheme network"),
        **_known("no_automate_dns_zone port_range source_ip_ranges subnetwork target"),
        **_since("6.14.0", "network_tier"),
        **_since("6.36.0", "external_managed_backend_bucket_migration_state"),
        **_since("6.36.0", "external_managed_backend_bucket_migration_testing_percentage"),
        "metadata_filters": _FILTERS,
        "service_directory_registrations": _known("namespace service_directory_region"),
    },
    "google_compute_health_check": {
        **_COMMON,
        **_known("check_interval_sec healthy_threshold source_regions timeout_sec"),
        **_known("unhealthy_threshold"),
        "grpc_health_check": _known("grpc_service_name port port_name port_specification"),
        "http2_health_check": _HTTP_CHECK,
        "http_health_check": _HTTP_CHECK,
        "https_health_check": _HTTP_CHECK,
        "log_config": _known("enable"),
        "ssl_health_check": _TCP_CHECK,
        "tcp_health_check": _TCP_CHECK,
    },
    "google_compute_ssl_policy": {**_COMMON, **_known("custom_features min_tls_version profile")},
    "google_compute_target_http_proxy": {
        **_COMMON,
        **_known("http_keep_alive_timeout_sec proxy_bind url_map"),
    },
    "google_compute_target_https_proxy": {
        **_PROXY,
        **_known("http_keep_alive_timeout_sec proxy_bind quic_override server_tls_policy"),
        **_known("tls_early_data url_map"),
    },
    "google_compute_target_ssl_proxy": {**_PROXY, **_known("backend_service proxy_header")},
    "google_compute_target_tcp_proxy": {
        **_COMMON,
        **_known("backend_service proxy_bind proxy_header"),
    },
    "google_compute_url_map": {
        **_COMMON,
        **_DEFAULTS,
        "host_rule": _known("description hosts path_matcher"),
        "path_matcher": {
            **_known("description name"),
            **_DEFAULTS,
            "path_rule": {
                **_known("paths service"),
                "custom_error_response_policy": _CUSTOM_ERRORS,
                "route_action": _ROUTE_ACTION,
                "url_redirect": _REDIRECT,
            },
            "route_rules": _ROUTE_RULES,
        },
        "test": {
            **_known("description host path service"),
            **_since("6.40.0", "expected_output_url expected_redirect_response_code"),
            "headers": _since("6.40.0", "name value"),
        },
    },
    "google_dns_record_set": _known("managed_zone name project rrdatas ttl type"),
}


def since(resource_type: str, argument: str) -> str:
    """The version that brought `backend.preference`, or a block's first argument; "" for none."""
    found: str | Shape = at(ARGUMENTS[resource_type], argument) or ""
    return found if isinstance(found, str) else _oldest(found)


def _oldest(shape: Shape) -> str:
    return min((v if isinstance(v, str) else _oldest(v) for v in shape.values()), key=number)


def number(version: str) -> tuple[int, ...]:
    """`6.14.0` as it sorts."""
    return tuple(int(part) for part in version.split("."))
