"""What happens to a request that matched: weights, redirects, rewrites, retries, faults.

A "part" is whatever decides in a URL map: the map, a path matcher, a path rule or a route rule,
with its keys normalized to `service`, `urlRedirect`, `routeAction` and `headerAction`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gcpsim.dataplane.routes import affinity, armor, clusters, headers, replies
from gcpsim.dataplane.routes.documents import Doc, Documents, NotCarried, path_of, short
from gcpsim.dataplane.routes.envoy import HTTP, T, duration, seconds
from gcpsim.dataplane.routes.policies import policy_of

REDIRECTS = {
    "FOUND": "FOUND",
    "MOVED_PERMANENTLY_DEFAULT": "MOVED_PERMANENTLY",
    "PERMANENT_REDIRECT": "PERMANENT_REDIRECT",
    "SEE_OTHER": "SEE_OTHER",
    "TEMPORARY_REDIRECT": "TEMPORARY_REDIRECT",
}
CONDITIONS = (
    "5xx", "cancelled", "connect-failure", "deadline-exceeded", "gateway-error", "internal",
    "refused-stream", "resource-exhausted", "retriable-4xx", "unavailable",
)  # fmt: skip
# Google's own retry without a policy: once, for requests without a body, never POST.
DEFAULT_RETRY = "gateway-error,connect-failure,refused-stream,reset"
UNCARRIED = ("cachePolicy", "dynamicCompressionPolicy", "imageOptimizationPolicy")
NO_BACKEND = {"status": 502, "body": {"inline_string": "failed_to_pick_backend\n"}}


@dataclass(frozen=True)
class Maker:
    """Makes the actions of one URL map for one scheme."""

    documents: Documents
    url_map: str
    scheme: str
    country: str = ""
    retries: bool = True

    def make(self, part: Doc, prefix: str | None, outer: Iterable[Doc | None] = ()) -> Doc:
        """The fields of a route. `prefix` is what of the path was matched (None: all of it);
        `outer` are the header actions around the part, the widest first."""
        try:
            return self._make(part, prefix, [*outer, part.get("headerAction")])
        except NotCarried as what:
            return {"direct_response": replies.not_carried(str(what))}

    def _make(self, part: Doc, prefix: str | None, header_actions: list[Doc | None]) -> Doc:
        if part.get("urlRedirect"):
            return {"redirect": redirect(part["urlRedirect"])}
        action = part.get("routeAction") or {}
        for field in UNCARRIED:
            if action.get(field):
                raise NotCarried(f"{short(self.url_map)} routeAction.{field}")
        if part.get("customErrorResponsePolicy"):
            raise NotCarried(f"{short(self.url_map)} customErrorResponsePolicy")
        weighted = action.get("weightedBackendServices") or []
        chosen = [path_of(one["backendService"]) for one in weighted]
        chosen = chosen or [path_of(part.get("service", ""))]
        services = [self._service(path) for path in chosen]
        if any(service is None for service in services):
            return {"direct_response": NO_BACKEND}
        found = [service for service in services if service is not None]
        route = self._route(action, prefix, found)
        filters = filter_configs(action)
        out: Doc = {"route": route}
        fields = [headers.action(one) for one in header_actions]
        if weighted:
            route["weighted_clusters"] = self._split(weighted, chosen, found)
        else:
            route["cluster"] = chosen[0]
            fields.insert(0, self._own_headers(found[0]))
            filters |= self._own_filters(chosen[0], found[0])
        fields.append(_originals(action))
        out |= headers.joined(*fields)
        if filters:
            out["typed_per_filter_config"] = filters
        if not action.get("requestMirrorPolicy"):
            # A request with a body is then never kept to be sent again.
            out["request_body_buffer_limit"] = 0
        return out

    def _service(self, path: str) -> Doc | None:
        if "/backendBuckets/" in path:
            raise NotCarried(short(path))
        service = self.documents.get(path)
        if service is None:
            return None
        if (service.get("iap") or {}).get("enabled"):
            raise NotCarried(f"{short(path)} iap")
        if service.get("edgeSecurityPolicy"):
            raise NotCarried(f"{short(path)} edgeSecurityPolicy")
        clusters.check(path, service)
        policy_of(self.documents, path, service)
        return service

    def _split(self, weighted: list[Doc], paths: list[str], services: list[Doc]) -> Doc:
        parts = []
        for one, path, service in zip(weighted, paths, services, strict=True):
            item: Doc = {"name": path, "weight": one.get("weight", 0)}
            own = self._own_headers(service)
            item |= headers.joined(own, headers.action(one.get("headerAction")))
            filters = self._own_filters(path, service)
            if filters:
                item["typed_per_filter_config"] = filters
            parts.append(item)
        if not any(item["weight"] for item in parts):
            raise NotCarried(f"{short(self.url_map)} weightedBackendServices that are all 0")
        return {"clusters": parts}

    def _own_headers(self, service: Doc) -> Doc:
        out: Doc = {}
        for side in ("Request", "Response"):
            lines = headers.custom(service.get(f"custom{side}Headers"))
            if lines:
                out[f"{side.lower()}_headers_to_add"] = lines
        return out

    def _own_filters(self, path: str, service: Doc) -> Doc:
        return armor.filters(self.documents, service, self.country) | affinity.filters(
            path, service
        )

    def _route(self, action: Doc, prefix: str | None, services: list[Doc]) -> Doc:
        out: Doc = {}
        again = action.get("retryPolicy")
        limit = max(clusters.timeout_of(service) for service in services)
        if action.get("timeout") and (again or self.scheme != "EXTERNAL_MANAGED"):
            limit = duration(action["timeout"])
        out["timeout"] = seconds(limit)
        # A WebSocket has no request to time out: it ends when it was idle for as long.
        out["idle_timeout"] = seconds(limit + 1)
        if action.get("maxStreamDuration"):
            most = duration(action["maxStreamDuration"])
            out["max_stream_duration"] = {"max_stream_duration": seconds(most)}
        retry = retries(again, self.scheme) if again or self.retries else {}
        if retry:
            out["retry_policy"] = retry
        hashes = next((h for s in services if (h := affinity.hash_policy(s))), None)
        if hashes:
            out["hash_policy"] = hashes
        mirror = action.get("requestMirrorPolicy") or {}
        if mirror.get("backendService"):
            policy: Doc = {"cluster": path_of(mirror["backendService"])}
            if "mirrorPercent" in mirror:
                share = {"default_value": _percent(mirror["mirrorPercent"])}
                policy["runtime_fraction"] = share
            out["request_mirror_policies"] = [policy]
        out |= self._rewrite(action.get("urlRewrite") or {}, prefix)
        return out

    def _rewrite(self, rewrite: Doc, prefix: str | None) -> Doc:
        out: Doc = {}
        if rewrite.get("regexRewrite"):
            raise NotCarried(f"{short(self.url_map)} urlRewrite.regexRewrite")
        if rewrite.get("hostRewrite"):
            out["host_rewrite_literal"] = rewrite["hostRewrite"]
        if rewrite.get("pathPrefixRewrite"):
            out["prefix_rewrite"] = rewrite["pathPrefixRewrite"]
        if rewrite.get("pathTemplateRewrite"):
            name = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig"
            out["path_rewrite_policy"] = {
                "name": "template",
                "typed_config": {
                    "@type": T + name,
                    "path_template_rewrite": rewrite["pathTemplateRewrite"],
                },
            }
        return out


def redirect(doc: Doc) -> Doc:
    out: Doc = {
        "response_code": REDIRECTS[doc.get("redirectResponseCode") or "MOVED_PERMANENTLY_DEFAULT"]
    }
    for field, name in (
        ("hostRedirect", "host_redirect"),
        ("pathRedirect", "path_redirect"),
        ("prefixRedirect", "prefix_rewrite"),
        ("httpsRedirect", "https_redirect"),
        ("stripQuery", "strip_query"),
    ):
        if doc.get(field):
            out[name] = doc[field]
    return out


def retries(policy: Doc | None, scheme: str) -> Doc:
    """The retry policy of a route; without one, what Google does by itself."""
    previous = {
        "name": "previous",
        "typed_config": {
            "@type": T + "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
        },
    }
    common: Doc = {"retry_host_predicate": [previous], "host_selection_retry_max_attempts": "3"}
    if policy is None:
        # The classic load balancer tries only GET again; the other tries all but POST.
        match: Doc = {"exact": "GET"} if scheme == "EXTERNAL" else {"exact": "POST"}
        header: Doc = {"name": ":method", "string_match": match}
        if scheme != "EXTERNAL":
            header["invert_match"] = True
        return {
            "retry_on": DEFAULT_RETRY,
            "num_retries": 1,
            "retriable_request_headers": [header],
            **common,
        }
    conditions = [one for one in policy.get("retryConditions") or [] if one in CONDITIONS]
    out: Doc = {
        "retry_on": ",".join(conditions),
        "num_retries": policy.get("numRetries", 1),
        **common,
    }
    if policy.get("perTryTimeout"):
        out["per_try_timeout"] = seconds(duration(policy["perTryTimeout"]))
    return out


def filter_configs(action: Doc) -> Doc:
    """CORS and fault injection of a route."""
    out: Doc = {}
    if action.get("corsPolicy"):
        out[HTTP + "cors"] = _cors(action["corsPolicy"])
    if action.get("faultInjectionPolicy"):
        out[HTTP + "fault"] = _fault(action["faultInjectionPolicy"])
    return out


def _cors(policy: Doc) -> Doc:
    origins = [{"exact": one} for one in policy.get("allowOrigins") or []]
    origins += [{"safe_regex": {"regex": one}} for one in policy.get("allowOriginRegexes") or []]
    out: Doc = {"@type": T + HTTP + "cors.v3.CorsPolicy"}
    if policy.get("disabled"):
        return out | {"filter_enabled": {"default_value": {"numerator": 0}}}
    out["allow_origin_string_match"] = origins
    for field, name in (
        ("allowMethods", "allow_methods"),
        ("allowHeaders", "allow_headers"),
        ("exposeHeaders", "expose_headers"),
    ):
        if policy.get(field):
            out[name] = ", ".join(policy[field])
    if "maxAge" in policy:
        out["max_age"] = str(policy["maxAge"])
    out["allow_credentials"] = bool(policy.get("allowCredentials"))
    return out


def _fault(policy: Doc) -> Doc:
    out: Doc = {"@type": T + HTTP + "fault.v3.HTTPFault"}
    delay, abort = policy.get("delay"), policy.get("abort")
    if delay:
        out["delay"] = {
            "fixed_delay": seconds(duration(delay.get("fixedDelay"))),
            "percentage": _percent(delay.get("percentage", 0)),
        }
    if abort:
        out["abort"] = {
            "http_status": abort["httpStatus"],
            "percentage": _percent(abort.get("percentage", 0)),
        }
    return out


def _percent(value: float) -> Doc:
    return {"numerator": round(value * 10_000), "denominator": "MILLION"}


def _originals(action: Doc) -> Doc:
    """A rewrite tells the pods what was asked for."""
    if not action.get("urlRewrite"):
        return {}
    return {
        "request_headers_to_add": [
            {
                "header": {"key": name, "value": value},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
            for name, value in (
                ("x-client-request-url", "%REQ(:SCHEME)%://%REQ(:AUTHORITY)%%REQ(:PATH)%"),
                ("x-envoy-original-path", "%REQ(:PATH)%"),
            )
        ]
    }
