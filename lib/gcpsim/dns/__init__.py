"""Cloud DNS v1: managed zones and their records, and the DNS that the world sees of them.

`service` is the REST API, `lookup` answers names from the zones of all projects, `server` puts that
on a socket. What the API holds and what is served differ while a change is pending.
"""

from gcpsim.dns.service import IMPLEMENTED, Dns

__all__ = ["IMPLEMENTED", "Dns"]
