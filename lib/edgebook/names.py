"""Names of a front door's resources; they belong to `edgebook.spec`, which checks their lengths."""

from edgebook.spec.names import LIMIT, NEG_LIMIT, Names, authorization_domain, slug

__all__ = ["LIMIT", "NEG_LIMIT", "Names", "authorization_domain", "slug"]
