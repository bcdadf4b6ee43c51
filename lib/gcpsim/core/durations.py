"""How long things take in Google Cloud, in seconds of simulated time, each with its source.

One table: names are `<api>.<collection>.<method>` for operations, and a phrase for processes. Add a
row rather than writing a number into a service. Sources: "measured" is seen in public logs,
"documented" is a Google documentation page, "assumed" is common knowledge, to be checked.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Duration:
    seconds: float
    source: str


DURATIONS: dict[str, Duration] = {
    # Compute Engine operations
    "compute.default": Duration(6, "assumed"),
    "compute.addresses.insert": Duration(4, "assumed: 2-12 s"),
    "compute.backendServices.delete": Duration(12, "assumed: 10-15 s"),
    "compute.backendServices.insert": Duration(14, "measured: 12, 42, 43 s in Terraform logs"),
    "compute.backendServices.patch": Duration(10, "assumed: 5-40 s"),
    "compute.backendServices.update": Duration(10, "assumed: 5-40 s"),
    "compute.firewalls.insert": Duration(8, "assumed: 5-12 s"),
    "compute.forwardingRules.insert": Duration(12, "measured: 11-13 s, some above 20 s"),
    "compute.healthChecks.insert": Duration(11, "measured: 11 s (10 s granularity)"),
    "compute.instanceGroupManagers.delete": Duration(60, "assumed: once the machines are gone"),
    "compute.instances.delete": Duration(40, "assumed: 30-90 s"),
    "compute.instances.insert": Duration(10, "assumed: 5-20 s"),
    "compute.networkEndpointGroups.attachNetworkEndpoints": Duration(5, "assumed: 2-10 s"),
    "compute.networkEndpointGroups.detachNetworkEndpoints": Duration(5, "assumed: 2-10 s"),
    "compute.networkEndpointGroups.insert": Duration(5, "assumed: 3-10 s"),
    "compute.sslPolicies.delete": Duration(0, "recorded: DONE in the answer"),
    "compute.sslPolicies.insert": Duration(0, "recorded: DONE in the answer"),
    "compute.targetHttpProxies.insert": Duration(11, "measured: 11-12 s"),
    "compute.targetHttpsProxies.insert": Duration(11, "measured: 11-12 s"),
    "compute.targetSslProxies.insert": Duration(11, "measured: 11-12 s"),
    "compute.targetTcpProxies.insert": Duration(11, "measured: 11-12 s"),
    "compute.urlMaps.insert": Duration(11, "measured: 11-12 s"),
    # Health of load balancers
    "health.propagation": Duration(20, "assumed: 10-60 s on top of interval x threshold"),
    # Cloud Logging and Cloud Monitoring
    "logging.ingestion": Duration(20, "assumed: seconds, up to minutes under load"),
    "monitoring.visible": Duration(210, "documented: visible after up to 210 s"),
    # Front ends: how long after DONE a location learns a change (drawn for each change)
    "dataplane.spread.certificates.least": Duration(10, "assumed: entries spread like routes"),
    "dataplane.spread.certificates.most": Duration(60, "assumed: entries spread like routes"),
    "dataplane.spread.endpoints.least": Duration(
        5, "measured: old groups must outlive a new HEALTHY by more than 10 s (spinnaker 6176)"
    ),
    "dataplane.spread.endpoints.most": Duration(
        45, "measured: after 50 s nothing is lost any more (spinnaker 6176)"
    ),
    "dataplane.spread.routes.least": Duration(20, "assumed: old and new interleave 30-120 s"),
    "dataplane.spread.routes.most": Duration(
        90, "documented: backend services need up to several minutes to reach all front ends"
    ),
    # Cloud DNS
    "dns.change": Duration(5, "assumed: 1-60 s, mostly under 10 s"),
    "dns.zone": Duration(1, "assumed"),
    "networkservices.operation": Duration(3, "assumed: as Certificate Manager's"),
    # Certificate Manager
    "certificatemanager.operation": Duration(3, "assumed: 1-10 s"),
    "certificatemanager.entry.active": Duration(30, "assumed: seconds to 2 min"),
    "certificatemanager.authorization.attempt": Duration(60, "assumed"),
    "certificatemanager.authorization.giveup": Duration(86400, "assumed: after many attempts"),
    "certificatemanager.authorization.retry": Duration(300, "assumed"),
    "certificatemanager.renewal.retry": Duration(3600, "assumed"),
    "certificatemanager.certificate.issue": Duration(720, "documented: typically 5-30 min"),
    "certificatemanager.map.release": Duration(60, "measured: map delete needs retries"),
    "certificatemanager.targets.visible": Duration(60, "assumed: a minute or more"),
    # GKE
    "gke.cluster.create": Duration(300, "documented: about 5 min"),
    "gke.cluster.delete": Duration(180, "assumed: 2-5 min"),
    "gke.cluster.update": Duration(20, "assumed: seconds to a minute"),
    "gke.master.upgrade": Duration(420, "assumed: 5-10 min"),
    "gke.pool.create": Duration(80, "assumed: nodes, and a little"),
    "gke.default": Duration(10, "assumed"),
    "gke.neg.collect": Duration(120, "source: ingress-gce, NEG garbage collection period"),
    "gke.neg.gate.poll": Duration(1, "source: ingress-gce, readiness reflector"),
    "gke.neg.gate.retry": Duration(100, "source: ingress-gce, after an error of the API"),
    "gke.neg.gate.timeout": Duration(600, "source: ingress-gce, since the pod was created"),
    "gke.neg.lag": Duration(0.2, "assumed: a change is seen and batched well below 1 s"),
    "gke.neg.resync": Duration(600, "source: ingress-gce, resync period"),
    "gke.neg.retry.first": Duration(5, "source: ingress-gce, syncer back-off"),
    "gke.neg.retry.last": Duration(600, "source: ingress-gce, syncer back-off"),
    "gke.node.create": Duration(60, "assumed: 40-90 s until a node is Ready"),
    "gke.node.delete": Duration(20, "assumed"),
    "gke.node.drain.timeout": Duration(3600, "documented: one hour per node in surge upgrades"),
    "gke.service.lag": Duration(1, "assumed"),
    # cert-manager in a cluster
    "cert-manager.issue": Duration(45, "assumed: HTTP-01 self check, challenge and order"),
    "cert-manager.lag": Duration(1, "assumed"),
    "cert-manager.retry": Duration(3600, "documented: back-off after a failed issuance"),
    # Kubernetes
    "kubernetes.controller.lag": Duration(0.05, "assumed"),
    "kubernetes.endpointslice.lag": Duration(0.1, "assumed"),
    "kubernetes.job.work": Duration(5, "assumed: what a small job takes"),
    "kubernetes.kubelet.lag": Duration(0.02, "assumed"),
    "kubernetes.node.grace": Duration(40, "documented: node-monitor-grace-period, 50 s from 1.32"),
    "kubernetes.node.return": Duration(10, "assumed: one heartbeat"),
    "kubernetes.pod.start": Duration(3, "assumed: pull from a warm cache, start"),
    "kubernetes.pod.stop": Duration(2, "assumed: the process ends after SIGTERM"),
    "kubernetes.scheduler.lag": Duration(0.05, "assumed"),
    # Service Usage
    "serviceusage.operation": Duration(10, "assumed: 5-60 s"),
}


def seconds(name: str) -> float:
    """The duration of `name`; an operation without a row of its own takes its API's default."""
    found = DURATIONS.get(name)
    if found is None:
        found = DURATIONS[name.split(".", 1)[0] + ".default"]
    return found.seconds
