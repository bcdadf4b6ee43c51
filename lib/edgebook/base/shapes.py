"""What secrets look like: rules of detect-secrets beside our own, and the one way to hide them.

A rule is a kind and a pattern; what its group `keep` holds stays readable in front of the mark.
Rules that guess from randomness are left out: plans and records are full of hashes. Whoever knows a
secret's value hides it by that (records.redact).
"""

# ruff: noqa: E501 - a pattern that is broken into lines cannot be read

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

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
    "docker credential": r"(?P<keep>\\?\"auth\\?\"\s*:\s*\\?\")" + NOT_YET + r"[A-Za-z0-9+/]{12,}={0,2}",
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
# What a text must hold near by before a rule is worth its time; a part in lower case stands for
# any case. A rule without parts looks at the whole text.
KEYS = tuple(f"{word}{joint}key" for word in ("api", "access", "private", "account", "auth")
             for joint in ("", "_", "-"))  # fmt: skip
SECRETS = ("secret", "token", "credential", *KEYS)
PASSWORDS = ("passw", "passp", "pwd")
NEEDS: dict[str, tuple[str, ...]] = {
    "private key": ("PRIVATE KEY",),
    "SSH or PuTTY key": ("SSH2 ENCRYPTED", "PuTTY-User"),
    "Google access token": ("ya29.",),
    "Google refresh token": ("1//0",),
    "Google API key": ("AIza",),
    "JSON web token": (".eyJ",),
    "GitHub token": ("ghp_", "gho_", "ghu_", "ghr_", "ghs_", "github_pat_"),
    "token of a vendor": (
        "AGE-SECRET", "AKC", "ATATT3", "ATBB", "CiQ", "EAAC", "FlyV1 ", "GOCSPX-", "HRKU-", "LTAI",
        "NRAK-", "PMAK-", "dapi", "dckr_pat_", "_v1_", "dp.pt.", "dp.st.", "dp.ct.", "figd_",
        "glc_", "glsa_", "gsk_", "hf_", "hvb.", "hvs.", "hvr.", "key-", "lin_api_", "nfp_", "npm_",
        "ntn_", "ops_", "oy2", "pat", "pplx-", "pscale_", "pul-", "r8_", "rubygems_", "sbp_",
        "secret_", "shpat_", "shpca_", "shppa_", "shpss_", "sk-", "sk.eyJ", "sl.", "sntrys_",
        "sntryu_", "k_live_", "k_test_", "tskey-", "whsec_", "xapp-", "xkeysib-", "xox",
        ".atlasv1.", "glpat-",
    ),
    "webhook": ("hooks.slack", "api/webhooks", "webhook.office", "logic.azure", "pagerduty"),
    "signed URL": ("Signature=", "Security-Token=", "sig="),
    "secret in a URL": ("token=", "key=", "password=", "passwd=", "secret=", "auth=", "code="),
    "credential in a URL": ("@",),
    "token in a URL": ("@",),
    "bearer token": ("bearer",),
    "basic credentials": ("Basic",),
    "authorization header": ("authorization",),
    "secret header": ("x-",),
    "cookie": ("cookie",),
    "kubeconfig credential": ("token", "client-key-data"),
    "docker credential": ("\"auth",),
    "key in JSON": PASSWORDS,
    "secret in JSON": SECRETS,
    "password": PASSWORDS,
    "assigned secret": SECRETS,
    "netrc password": ("login",),
    "option with a password": ("-pass", "-token", "-secret", "-api-key"),
    "user and password of curl": ("curl",),
    "password hash": ("$1$", "$2", "$5$", "$6$", "$y$"),
    "AWS Access Key": ("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws"),
    "Azure Storage Account access key": ("AccountKey=",),
    "GitHub Token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "GitLab Token": (
        "glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941", "glcbt-", "glimt-", "glptt-",
        "glagent-", "gloas-",
    ),
    "Mailchimp Access Key": ("-us",),
    "NPM tokens": ("_authToken",),
    "OpenAI Token": ("T3BlbkFJ",),
    "PyPI Token": ("pypi-",),
    "SendGrid API Key": ("SG.",),
    "Slack Token": ("xox", "hooks.slack"),
    "Square OAuth Secret": ("sq0csp-",),
    "Stripe Access Key": ("k_live_",),
    "Twilio API Key": ("AC", "SK"),
}  # fmt: skip
SHORT = 200  # characters of a text that is remembered
BEFORE, AFTER = 2_000, 1_000  # characters around such a part that a rule looks at
BASE64_PEM = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{20,}={0,2}")


@dataclass(frozen=True)
class Rule:
    """What one kind of secret looks like, and the parts without one of which it is not there."""

    kind: str
    pattern: re.Pattern[str]
    needs: tuple[str, ...]

    def sees(self, text: str, lower: str) -> bool:
        """Whether such a secret is in the text; `lower` is the text in lower case."""
        if not self.needs or len(lower) != len(text):
            return self.pattern.search(text) is not None
        return any(self.pattern.search(text, *span) for span in self._spans(text, lower))

    def _spans(self, text: str, lower: str) -> Iterator[tuple[int, int]]:
        """Where to look, in order and without overlaps that another one covers."""
        places = sorted(
            place
            for part in self.needs
            for place in _places(lower if part == part.lower() else text, part)
        )
        begin = end = -1
        for place in places:
            if begin >= 0 and place - BEFORE > end:
                yield begin, end
                begin = -1
            begin, end = begin if begin >= 0 else max(0, place - BEFORE), place + AFTER
        if begin >= 0:
            yield begin, end


def _places(text: str, part: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, ours first."""
    ours = [(kind, re.compile(pattern)) for kind, pattern in OURS.items()]
    return tuple(Rule(k, p, NEEDS.get(k, ())) for k, p in (*ours, *_of_detectors()))


@cache
def _parts() -> tuple[tuple[str, bool], ...]:
    """The parts that rules need, each once, and whether its letters' case does not matter."""
    parts = sorted({part for rule in rules() for part in rule.needs})
    return tuple((part, part == part.lower()) for part in parts)


def _asked(text: str, lower: str) -> list[Rule]:
    """The rules with a part in the text, and those that need none; most texts have hardly any."""
    if len(lower) != len(text):
        return list(rules())
    present = {part for part, plain in _parts() if part in (lower if plain else text)}
    return [rule for rule in rules() if not rule.needs or not present.isdisjoint(rule.needs)]


def _of_detectors() -> Iterator[tuple[str, re.Pattern[str]]]:
    import importlib

    for module, name in DETECTORS:
        detector = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)
        for pattern in detector.denylist:
            bounded = rf"(?<![A-Za-z0-9])(?:{pattern.pattern})(?![A-Za-z0-9])"
            yield detector.secret_type, re.compile(bounded, pattern.flags)


def hide(text: str) -> str:
    """The text with everything that looks like a secret replaced by `[redacted: kind]`."""
    return _short(text) if len(text) <= SHORT else _hidden(text)


@functools.lru_cache(maxsize=4096)
def _short(text: str) -> str:
    """Names, links and enums come again and again: every plan has them."""
    return _hidden(text)


def _hidden(text: str) -> str:
    lower = text.lower()
    for rule in _asked(text, lower):
        if rule.sees(text, lower):
            text = rule.pattern.sub(functools.partial(_mark, rule.kind), text)
            lower = text.lower()
    return text


def hide_in(value: Any) -> Any:
    """The same document with `hide` on each of its texts."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {key: hide_in(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(hide_in(item) for item in value)
    return value


def kinds(text: str) -> Iterator[str]:
    """The kinds of secrets that a text seems to hold."""
    lower = text.lower()
    for rule in _asked(text, lower):
        if rule.sees(text, lower):
            yield rule.kind


def _mark(kind: str, found: re.Match[str]) -> str:
    keep = found.groupdict().get("keep") or ""
    return f"{keep}[redacted: {kind}]"
