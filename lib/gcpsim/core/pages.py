"""Which pages an application has, as far as its own probes tell. Pure."""

from collections.abc import Collection


def has_page(known: Collection[str], page: str) -> bool:
    """Whether a health check finds its page, where `known` are those that a pod's probes ask for.

    Without any, nothing tells what there is. Of a root page nothing is known either way: an
    application with health pages of its own is given the benefit of the doubt.
    """
    path = page.partition("?")[0]
    return not known or path in ("", "/") or path in known
