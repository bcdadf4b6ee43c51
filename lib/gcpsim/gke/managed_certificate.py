"""GKE's ManagedCertificates: a certificate of Compute Engine for each, and its state told back.

The certificate comes with the object, whether an Ingress names it or not, and goes with it once no
proxy has it any more. When it becomes ACTIVE is Compute Engine's to say.
"""

from gcpsim.core.paths import collection_of
from gcpsim.gke.building import Builder
from gcpsim.gke.parts import Part
from gcpsim.k8s.controllers.objects import Obj, key_of, split
from gcpsim.k8s.controllers.plane import Plane

KIND = "managedcertificates"
COMPONENT = "managed-certificate-controller"
RETRY = 15.0
WORDS = {"ACTIVE": "Active", "FAILED_NOT_VISIBLE": "FailedNotVisible",
         "PROVISIONING": "Provisioning", "RENEWAL_FAILED": "RenewalFailed",
         "PROVISIONING_FAILED": "ProvisioningFailed",
         "PROVISIONING_FAILED_PERMANENTLY": "ProvisioningFailedPermanently"}  # fmt: skip


def part_of(project: str, certificate: Obj) -> Part:
    """The certificate of Compute Engine that a ManagedCertificate stands for."""
    name = f"mcrt-{certificate['metadata']['uid']}"
    domains = (certificate.get("spec") or {}).get("domains") or []
    body = {"name": name, "type": "MANAGED", "managed": {"domains": domains}}
    return Part(f"{project}/global/sslCertificates/{name}", body)


class ManagedCertificates:
    """Keeps the certificates of one cluster's ManagedCertificates."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("gke.service.lag", self.reconcile)
        self.builder = Builder(plane, self.worker.mark, self._failed)
        self.project = f"projects/{plane.cluster.project}"
        self._gone: dict[str, str] = {}  # key of what was deleted -> its certificate's path
        self.cluster.subscribe(KIND, self._follow)
        self.builder.compute.observers.append(self._changed)
        for certificate in self.cluster.list(KIND):
            self.worker.mark(key_of(certificate))

    def _follow(self, event: str, certificate: Obj, old: Obj | None) -> None:
        if event == "DELETED":
            self._gone[key_of(certificate)] = part_of(self.project, certificate).path
        self.worker.mark(key_of(certificate))

    def _changed(self, path: str, doc: Obj | None) -> None:
        """A certificate has another state, or one of them may be free."""
        if collection_of(path) == "sslCertificates":
            for certificate in self.cluster.list(KIND):
                if part_of(self.project, certificate).path == path:
                    self.worker.mark(key_of(certificate))

    def reconcile(self, key: str) -> None:
        if key in self._gone and self.builder.removed(key, [self._gone[key]]):
            del self._gone[key]
        certificate = self.cluster.get(KIND, *split(key))
        if certificate is None or key in self._gone:
            return
        part = part_of(self.project, certificate)
        if not part.body["managed"]["domains"] or not self.builder.built(key, [part]):
            return
        managed = (self.builder.compute.get(part.path) or {}).get("managed") or {}
        domains = managed.get("domainStatus") or {}
        status = {
            "certificateName": part.body["name"],
            "certificateStatus": WORDS.get(managed.get("status", ""), ""),
            "domainStatus": [
                {"domain": domain, "status": WORDS.get(domains.get(domain, ""), "")}
                for domain in part.body["managed"]["domains"]
            ],
        }
        if certificate.get("status") != status:
            self.plane.change(KIND, certificate, status)
            if "status" not in certificate:
                text = f"Create SslCertificate {part.body['name']}"
                self.plane.event(certificate, "Normal", "Create", text, COMPONENT)

    def _failed(self, key: str, problem: str) -> None:
        certificate = self.cluster.get(KIND, *split(key))
        if certificate is not None:
            self.plane.event(certificate, "Warning", "BackendError", problem, COMPONENT)
        self.worker.mark_at(self.plane.now() + RETRY, key)
