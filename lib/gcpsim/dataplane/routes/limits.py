"""Cloud Armor's throttling: requests counted at each front end, refused above a limit."""

from gcpsim.dataplane.routes.documents import Doc, NotCarried, short
from gcpsim.dataplane.routes.envoy import HTTP, T

KEYS = ("", "ALL", "IP")


def filters(policy: Doc) -> Doc:
    """The local rate limit of a policy with one throttle rule for everybody."""
    rules = [one for one in policy.get("rules") or [] if one["action"] == "throttle"]
    where = short(policy["selfLink"])
    if any(one["action"] == "rate_based_ban" for one in policy.get("rules") or []):
        raise NotCarried(f"{where} action rate_based_ban")
    if not rules:
        return {}
    rule = rules[0]
    options = rule.get("rateLimitOptions") or {}
    threshold = options.get("rateLimitThreshold") or {}
    key = options.get("enforceOnKey", "ALL")
    if len(rules) > 1 or key not in KEYS or not _for_everybody(rule):
        raise NotCarried(f"{where} rule {rule.get('priority', 0)} throttle")
    exceed = options.get("exceedAction", "deny(429)")
    bucket = {
        "max_tokens": threshold.get("count", 1),
        "tokens_per_fill": threshold.get("count", 1),
        "fill_interval": f"{threshold.get('intervalSec', 60)}s",
    }
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    config: Doc = {
        "@type": T + HTTP + "local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "armor",
        "status": {"code": int(exceed[5:-1]) if exceed.startswith("deny(") else 429},
        "filter_enabled": always,
        "filter_enforced": always,
        "token_bucket": bucket,
    }
    if key == "IP":
        config["rate_limits"] = [{"actions": [{"remote_address": {}}]}]
        config["descriptors"] = [{"entries": [{"key": "remote_address"}], "token_bucket": bucket}]
        config["token_bucket"] = {**bucket, "max_tokens": 1 << 30, "tokens_per_fill": 1 << 30}
    return {HTTP + "local_ratelimit": config}


def _for_everybody(rule: Doc) -> bool:
    ranges = ((rule.get("match") or {}).get("config") or {}).get("srcIpRanges") or []
    return "*" in ranges or set(ranges) >= {"0.0.0.0/0"}
