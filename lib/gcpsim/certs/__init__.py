"""Certificate Manager v1: certificates, maps, entries and DNS authorizations.

`service` is the REST API with its long-running operations, `issuance` the life of managed
certificates on the clock, `authority` the local CA that signs them for real.
"""

from gcpsim.certs.authority import Authority
from gcpsim.certs.service import IMPLEMENTED, CertificateManager

__all__ = ["IMPLEMENTED", "Authority", "CertificateManager"]
