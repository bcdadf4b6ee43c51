"""What secrets look like: rules of detect-secrets beside our own, and the one way to hide them.

A rule is a kind and a pattern; what its group `keep` holds stays readable in front of the mark.
Rules that guess from randomness are left out: plans and records are full of hashes. Whoever knows a
secret's value hides it by that (records.redact).
"""

# ruff: noqa: E501 - a pattern that is broken into lines cannot be read

import re
from collections.abc import Iterator
from functools import cache

# Detectors whose tokens cannot be mistaken for anything else.
DETECTORS = (
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)
NOT_YET = r"(?!\[redacted)"
# Tokens that say by their beginning whose they are.
VENDORS = (
    r"AGE-SECRET-KEY-1[0-9A-Z]{50,}", r"AKC[A-Za-z0-9]{60,}", r"ATATT3[\w\-=]{40,}",
    r"ATBB[\w\-=]{24,}", r"CiQ[A-Za-z0-9]{40,}", r"EAAC[A-Za-z0-9]{40,}",
    r"FlyV1 [\w\-+/=,]{30,}", r"GOCSPX-[\w\-]{20,}", r"HRKU-[\w\-]{30,}", r"LTAI[A-Za-z0-9]{16,}",
    r"NRAK-[A-Z0-9]{20,}", r"PMAK-[\w\-]{30,}", r"dapi[a-f0-9]{32}", r"dckr_pat_[\w\-]{20,}",
    r"do[opr]_v1_[a-f0-9]{40,}", r"dp\.(?:pt|st|ct)\.[A-Za-z0-9]{30,}", r"figd_[\w\-]{30,}",
    r"gl(?:c|sa)_[\w=+/\-]{30,}", r"gsk_[A-Za-z0-9]{40,}", r"hf_[A-Za-z0-9]{30,}",
    r"hv[bsr]\.[\w\-]{24,}", r"key-[0-9a-z]{32}", r"lin_api_[A-Za-z0-9]{30,}",
    r"nfp_[A-Za-z0-9]{30,}", r"npm_[A-Za-z0-9]{30,}", r"ntn_[A-Za-z0-9]{30,}", r"ops_[\w\-]{40,}",
    r"oy2[a-z0-9]{43}", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{60,}", r"pplx-[A-Za-z0-9]{40,}",
    r"pscale_(?:tkn|pw|oauth)_[\w\-]{30,}", r"pul-[a-f0-9]{40}", r"r8_[A-Za-z0-9]{30,}",
    r"rubygems_[a-f0-9]{40,}", r"sbp_[a-f0-9]{40}", r"secret_[A-Za-z0-9]{40,}",
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", r"sk-(?:ant-|proj-|svcacct-)?[\w\-]{32,}",
    r"sk\.eyJ[\w\-]{20,}\.[\w\-]{10,}", r"sl\.[\w\-]{100,}", r"sntrys_[\w=+/\-]{40,}",
    r"sntryu_[a-f0-9]{40,}", r"[rsp]k_(?:live|test)_[0-9A-Za-z]{20,}", r"tskey-[\w\-]{20,}",
    r"whsec_[A-Za-z0-9+/=]{24,}", r"xapp-\d-[\w\-]{20,}", r"xkeysib-[a-f0-9]{40,}[\w\-]*",
    r"xox[a-z]\.?-[\w\-.]{16,}", r"[A-Za-z0-9]{14}\.atlasv1\.[\w\-]{40,}", r"glpat-[\w\-.]{20,}",
)  # fmt: skip
PASSWORD = r"(?:password|passwd|passphrase|pwd)"
SECRET = r"(?:secret|token|api[_\-]?key|access[_\-]?key|private[_\-]?key|account[_\-]?key|auth[_\-]?key|credential)"
VALUE = r"[^\s\"'`,;<>{}\[\]()\\&|]"
# A path, a reference or a placeholder says where a secret is, and is none.
NO_SECRET = (
    r"(?!\[redacted)(?!projects/|gs://|https?://|/|\$|%|\*|<|x{4}|none\b|null\b|true\b|false\b)"
)
OURS: dict[str, str] = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[\s\S]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]*)",
    "SSH or PuTTY key": r"(?:---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----|PuTTY-User-Key-File-\d:)[\s\S]*",
    "Google access token": r"\bya29\.[A-Za-z0-9_\-.]{8,}",
    "Google refresh token": r"(?<![\w/])1//0[A-Za-z0-9_\-]{20,}",
    "Google API key": r"\bAIza[0-9A-Za-z_\-]{35}",
    "JSON web token": r"\beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[\w\-]{8,}",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})",
    "token of a vendor": r"(?<![\w.\-/])(?:" + "|".join(VENDORS) + r")",
    "webhook": r"https://(?:hooks\.slack\.com/(?:services|workflows)/|(?:ptb\.|canary\.)?discord(?:app)?\.com/api/"
    r"webhooks/|[\w.\-]+\.webhook\.office\.com/|[\w.\-]+\.logic\.azure\.com[:/]|events\.pagerduty\.com/integration/)"
    r"[^\s\"'<>]{8,}",
    "signed URL": r"(?P<keep>[?&;](?:amp;)?(?:X-Goog-Signature|X-Amz-Signature|X-Amz-Security-Token|Signature|sig)=)"
    + NOT_YET
    + r"[^\s&\"'<>]{16,}",
    "secret in a URL": r"(?i)(?P<keep>[?&;](?:amp;)?(?:access_token|id_token|refresh_token|token|key|api_?key|"
    r"password|passwd|secret|client_secret|auth|code)=)" + NOT_YET + r"[^\s&\"'<>]{8,}",
    "credential in a URL": r"(?P<keep>\b[a-z][a-z0-9+.\-]*://[^\s/:@\"'<>]*:)[^\s/@\"'<>\[]+(?=@)",
    "token in a URL": r"(?P<keep>\b[a-z][a-z0-9+.\-]*://)(?=[^\s/:@]*\d)" + NOT_YET + r"[^\s/:@\"'<>\[]{16,}(?=@)",
    "bearer token": r"(?P<keep>\b[Bb]earer\s+)" + NOT_YET + r"[A-Za-z0-9_\-.~+/]{8,}=*",
    "basic credentials": r"(?P<keep>\b[Aa]uthorization[\"']?\s*[:=]\s*[\"']?Basic\s+)" + NOT_YET
    + r"[A-Za-z0-9+/]{6,}=*",
    "authorization header": r"(?i)(?P<keep>\bauthorization[\"']?\s*[:=]\s*[\"']?(?:(?!basic|bearer)[a-z]+\s+)?)"
    r"(?!bearer|basic)(?=[^\s\"']*\d)" + NOT_YET + r"[^\s\"'<>,]{8,}",
    "secret header": r"(?i)(?P<keep>\b[Xx]-(?:[a-z0-9]+-)*(?:key|token|secret|auth|password)[\"']?\s*[:=]\s*[\"']?)"
    + NO_SECRET + r"[^\s\"'<>,]{8,}",
    "cookie": r"(?i)(?P<keep>\b(?:set-)?cookie[\"']?\s*[:=]\s*[\"']?[\w.\-]+=)" + NOT_YET + r"[^\s;\"'<>]{8,}",
    "kubeconfig credential": r"(?P<keep>[\"']?\b(?:token|client-key-data|id-token|refresh-token)[\"']?\s*:\s*[\"']?)"
    + NOT_YET + r"[A-Za-z0-9_\-.+/]{20,}={0,2}",
    "key in JSON": r"(?i)(?P<keep>\\?[\"'][\w\-]{0,60}?" + PASSWORD + r"\\?[\"']\s*:\s*\\?[\"'])" + NO_SECRET
    + r"[^\"'\\]{6,}",
    "secret in JSON": r"(?i)(?P<keep>\\?[\"'][\w\-]{0,60}?" + SECRET + r"\\?[\"']\s*:\s*\\?[\"'])(?=[^\"'\s]*\d)"
    + NO_SECRET + r"[^\"'\\\s]{8,}",
    "password": r"(?i)(?P<keep>(?<![\w\-.])[\w\-.]{0,60}?" + PASSWORD + r"\s*(?:=>|:=|=|:)\s*[\"']?)"
    + NO_SECRET + r"(?!\s)" + VALUE + r"{6,}",
    "assigned secret": r"(?i)(?P<keep>(?<![\w\-.])[\w\-.]{0,60}?" + SECRET
    + r"\s*(?:=>|:=|=|:)\s*[\"']?)(?=\S*\d)(?=\S*[a-z])" + NO_SECRET + VALUE + r"{12,}",
    "netrc password": r"(?P<keep>\blogin\s+\S+\s+password\s+)" + NOT_YET + r"\S{4,}",
    "option with a password": r"(?P<keep>\s--?(?:password|passwd|token|secret|api-key)(?:=|\s+))" + NO_SECRET
    + r"(?=\S*\d)[^\s\"'<>]{8,}",
    "user and password of curl": r"(?P<keep>\bcurl\b[^\n]*?\s(?:-u|--user)[ =]\S+?:)" + NOT_YET + r"\S{4,}",
    "password hash": r"\$(?:2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|[156y]\$[^\s\"'<>]{20,})",
}  # fmt: skip
# What a text must hold, in lower case, before a rule is worth its time.
NEEDS: dict[str, tuple[str, ...]] = {
    "private key": ("private key",),
    "SSH or PuTTY key": ("ssh2 encrypted", "putty-user"),
    "Google access token": ("ya29.",),
    "Google refresh token": ("1//0",),
    "Google API key": ("aiza",),
    "JSON web token": (".eyj",),
    "GitHub token": ("gh", "github_pat_"),
    "webhook": ("hooks", "webhook", "logic.azure", "pagerduty"),
    "signed URL": ("signature=", "security-token=", "sig="),
    "secret in a URL": ("token=", "key=", "password=", "passwd=", "secret=", "auth=", "code="),
    "credential in a URL": ("@",),
    "token in a URL": ("@",),
    "bearer token": ("bearer",),
    "basic credentials": ("basic",),
    "authorization header": ("authorization",),
    "secret header": ("x-",),
    "cookie": ("cookie",),
    "kubeconfig credential": ("token", "client-key-data"),
    "key in JSON": ("pass", "pwd"),
    "secret in JSON": ("secret", "token", "key", "credential"),
    "password": ("pass", "pwd"),
    "assigned secret": ("secret", "token", "key", "credential"),
    "netrc password": ("login",),
    "option with a password": ("-pass", "-token", "-secret", "-api-key"),
    "user and password of curl": ("curl",),
    "password hash": ("$1$", "$2", "$5$", "$6$", "$y$"),
    "AWS Access Key": ("akia", "asia", "abia", "acca", "a3t", "aws"),
    "Azure Storage Account access key": ("accountkey=",),
    "GitHub Token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "GitLab Token": ("gl", "gr1348941"),
    "Mailchimp Access Key": ("-us",),
    "NPM tokens": ("_authtoken",),
    "OpenAI Token": ("t3blbkfj",),
    "PyPI Token": ("pypi-",),
    "SendGrid API Key": ("sg.",),
    "Slack Token": ("xox", "hooks.slack"),
    "Square OAuth Secret": ("sq0csp-",),
    "Stripe Access Key": ("k_live_",),
}
BASE64_PEM = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{20,}={0,2}")


@cache
def rules() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """All rules, ours first."""
    found = [(kind, re.compile(pattern)) for kind, pattern in OURS.items()]
    return (*found, *_of_detectors())


def _of_detectors() -> Iterator[tuple[str, re.Pattern[str]]]:
    import importlib

    for module, name in DETECTORS:
        detector = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)
        for pattern in detector.denylist:
            bounded = rf"(?<![A-Za-z0-9])(?:{pattern.pattern})(?![A-Za-z0-9])"
            yield detector.secret_type, re.compile(bounded, pattern.flags)


def hide(text: str) -> str:
    """The text with everything that looks like a secret replaced by `[redacted: kind]`."""
    for kind, pattern in _worth_it(text):
        text = pattern.sub(lambda found, kind=kind: _mark(found, kind), text)  # type: ignore[misc]
    return text


def kinds(text: str) -> Iterator[str]:
    """The kinds of secrets that a text seems to hold."""
    for kind, pattern in _worth_it(text):
        if pattern.search(text):
            yield kind


def _worth_it(text: str) -> list[tuple[str, re.Pattern[str]]]:
    lower = text.lower()
    return [
        (kind, pattern)
        for kind, pattern in rules()
        if kind not in NEEDS or any(part in lower for part in NEEDS[kind])
    ]


def _mark(found: re.Match[str], kind: str) -> str:
    keep = found.groupdict().get("keep") or ""
    return f"{keep}[redacted: {kind}]"
