"""A hundred forms in which secrets turn up, and which part of each is the secret.

Each is put together here from parts, so that no scanner of this repository takes it for a leak.
"""

import hashlib
import html
import json
import re
import string
from functools import cache

from edgebook.base.shapes import hide

A = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3kL5mN7pQ9rS1tU3v"
H = "0123456789abcdef" * 8
D = "1234567890"


def jwt() -> str:
    return "ey" + "JhbGciOiJSUzI1NiJ9.ey" + "Jpc3MiOiJhIn0." + A[:40]


_FORMS = {
    "AWS access key": "AKIA" + "Q3EGT5UVWXYZ2345",
    "AWS temporary key": "ASIA" + "Q3EGT5UVWXYZ2345",
    "AWS secret": f'aws_secret_access_key = "{A[:40]}"',
    "AWS session": f"AWS_SESSION_TOKEN={A}{A}",
    "Azure storage": f"DefaultEndpointsProtocol=https;AccountKey={A}{A[:22]}==;",
    "Azure SAS": f"https://a.blob.core.windows.net/c?sv=2022&sig={A[:43]}%3D",
    "Azure client secret": f"AZURE_CLIENT_SECRET={A[:34]}",
    "Google access token": "ya29." + A[:40],
    "Google refresh token": "1//0" + A[:40],
    "Google API key": "AI" + "za" + A[:35],
    "Google client secret": "GOC" + "SPX-" + A[:28],
    "service account": json.dumps({"private_key": f"-----BEGIN PRIVATE KEY-----\n{A}"}),
    "service account id": json.dumps({"private_key_id": H[:40], "client_secret": A[:24]}),
    "OAuth body": f"grant_type=refresh_token&client_secret={A[:24]}&x=1",
    "id token": jwt(),
    "GitHub classic": "ghp_" + A[:36],
    "GitHub server": "ghs_" + A[:36],
    "GitHub fine grained": "github_" + "pat_" + A[:22] + "_" + A[:59],
    "GitLab": "glpat-" + A[:20],
    "GitLab trigger": "glptt-" + H[:40],
    "GitLab runner": "glrt-" + A[:20],
    "Bitbucket": "ATBB" + A[:32],
    "Atlassian": "ATATT3" + A[:60],
    "npm": "npm_" + A[:36],
    "npmrc": f"//registry.example.com/:_authToken={H[:8]}-{H[:4]}-{H[:4]}-{H[:4]}-{H[:12]}",
    "PyPI": "pypi-AgEIcHlwaS5vcmc" + A + A[:20],
    "RubyGems": "rubygems_" + H[:48],
    "NuGet": "oy2" + "abcdefghij" * 4 + "abc",
    "Docker Hub": "dckr_" + "pat_" + A[:27],
    "docker config": json.dumps({"auths": {"r": {"auth": "dXNlcjpwYXNz" + A[:20]}}}),
    "Artifactory": "AKC" + A + A[:8],
    "DigitalOcean": "dop_v1_" + H[:64],
    "Heroku": "HRKU-" + A[:36],
    "Fly": "FlyV1 " + A[:40],
    "Netlify": "nfp_" + A[:36],
    "Alibaba": "LTAI" + A[:20],
    "Databricks": "dapi" + H[:32],
    "Terraform Cloud": A[:14] + ".atlasv1." + A + A[:4],
    "Vault": "hvs." + A[:24],
    "Vault batch": "hvb." + A[:40],
    "Pulumi": "pul-" + H[:40],
    "Doppler": "dp.pt." + A[:40],
    "1Password": "ops_" + A,
    "age": "AGE-SECRET-KEY-1" + A.upper()[:58],
    "Tailscale": "tskey-auth-" + A[:30],
    "Grafana": "glsa_" + A[:32],
    "Grafana cloud": "glc_" + A,
    "New Relic": "NRAK-" + "ABCDEFGHIJ" * 2 + "ABCDEFG",
    "Sentry": "sntrys_" + A,
    "Datadog": f"DD_API_KEY={H[:32]}",
    "PagerDuty": "https://events.pagerduty.com/integration/" + H[:32] + "/enqueue",
    "Slack bot": "xoxb-" + f"{D}-{D}-{A[:24]}",
    "Slack app": "xapp-1-" + A[:40],
    "Slack webhook": "https://hooks.slack.com/services/" + f"T0AAAA/B0BBBB/{A[:24]}",
    "Discord webhook": f"https://discord.com/api/webhooks/{D}/{A}",
    "Teams webhook": f"https://acme.webhook.office.com/webhookb2/{H[:32]}@{H[:32]}/x",
    "Google Chat webhook": f"https://chat.googleapis.com/v1/spaces/A/messages?key={A[:30]}&x=1",
    "Telegram": D[:9] + ":" + A[:35],
    "Twilio": "SK" + H[:32],
    "SendGrid": "SG." + A[:22] + "." + A[:43],
    "Mailgun": "key-" + H[:32],
    "Mailchimp": H[:32] + "-us12",
    "Sendinblue": "xkeysib-" + H[:64],
    "Stripe": "sk_" + "live_" + A[:24],
    "Stripe test": "sk_" + "test_" + A[:24],
    "Stripe webhook": "whsec_" + A[:32],
    "Square": "sq0" + "csp-" + A[:43],
    "Shopify": "shpat_" + H[:32],
    "OpenAI": "sk-proj-" + A,
    "Anthropic": "sk-ant-" + A,
    "Hugging Face": "hf_" + A[:34],
    "Replicate": "r8_" + A[:37],
    "Groq": "gsk_" + A[:52],
    "Notion": "ntn_" + A[:40],
    "Linear": "lin_api_" + A[:40],
    "Figma": "figd_" + A[:40],
    "Airtable": "pat" + A[:14] + "." + H[:64],
    "Postman": "PMAK-" + A[:40],
    "Mapbox": "sk.ey" + "J1IjoiYWNtZSJ9" + A[:20] + "." + A[:22],
    "PlanetScale": "pscale_tkn_" + A[:43],
    "Supabase": "sbp_" + H[:40],
    "password in a shell": "export DB_PASSWORD=hunter2-and-more",
    "password in YAML": "  password: correct-horse-battery",
    "password in JSON": json.dumps({"dbPassword": "correct horse"}),
    "password in a property": f"spring.datasource.password={A[:10]}",
    "API key in YAML": f"apiKey: {A[:32]}",
    "secret in JSON": json.dumps({"clientSecret": A[:24]}),
    "PostgreSQL": "postgres://shop:s3cr3t-pass@db:5432/shop",
    "Redis without a user": "redis://:s3cr3t-pass@cache:6379/0",
    "token as user": f"https://{A[:24]}@git.example.com/x.git",
    "token in a query": f"https://api.example.com/x?access_token={A[:24]}&y=1",
    "GCS signed": f"https://storage.googleapis.com/b/o?X-Goog-Signature={H}&x=1",
    "S3 signed": f"https://b.s3.amazonaws.com/o?X-Amz-Signature={H[:64]}",
    "bearer": f"Authorization: Bearer {A[:30]}",
    "basic": "Authorization: Basic dXNlcjpwYXNzd29yZA==",
    "other scheme": f"Authorization: Token {A[:30]}",
    "custom header": f"X-Api-Key: {A[:30]}",
    "cookie": f"Cookie: session={A[:30]}; theme=dark",
    "set-cookie": f"Set-Cookie: sid={A[:30]}; HttpOnly",
    "netrc": "machine git.example.com login ada password hunter2!",
    "curl": "curl -u ada:hunter2! https://example.com",
    "option": f"deploy --token {A[:20]} --yes",
    "bcrypt": "$2b$12$" + A[:53],
    "PuTTY": "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n" + A,
    "SSH": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{A}\n-----END OPENSSH PRIVATE KEY-----",
    "PGP": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n{A}\n-----END PGP PRIVATE KEY BLOCK-----",
}


def _of_its_own(text: str, number: int) -> str:
    """The same form with letters and digits of its own, so that a leak says whose it is."""
    turn, own = number % 26, hashlib.sha256(text.encode()).hexdigest() * 2
    low, high = string.ascii_lowercase, string.ascii_uppercase
    letters = str.maketrans(
        low + high + string.digits,
        low[turn:] + low[:turn] + high[turn:] + high[:turn] + _turned(string.digits, number // 26),
    )
    text = re.sub(r"aB3dE5\w*|AB3DE5\w*", lambda found: found[0].translate(letters), text)
    return re.sub(r"0123456789abcdef\w*", lambda found: own[: len(found[0])], text)


def _turned(text: str, by: int) -> str:
    return text[by:] + text[:by]


FORMS = {name: _of_its_own(text, number) for number, (name, text) in enumerate(_FORMS.items())}


@cache
def secret_parts(text: str) -> list[str]:
    """What the one filter takes out of a text, line by line: what must be in no sink."""
    kept = re.split(r"\[redacted: [^\]]*\]", hide(f"before {text} after"))
    found = re.fullmatch("(.*?)".join(map(re.escape, kept)), f"before {text} after", re.DOTALL)
    assert found, text
    lines = [line.strip() for part in found.groups() for line in part.splitlines()]
    return [line for line in lines if len(line) >= 4]


def seen_in(said: str) -> list[str]:
    """The forms whose secret can be read in what a sink was given, past its escapes."""
    views = (said, html.unescape(said), said.replace('\\"', '"').replace("\\n", "\n"))
    return [
        name
        for name, text in FORMS.items()
        if any(part in view for part in secret_parts(text) for view in views)
    ]
