"""What can be known of pods, NGINX and the network beforehand, and would hurt later.

Nothing here fails for what only costs comfort: that is uncertain, with what to do about it. What
certainly breaks (a protocol that nobody speaks, a port that no pod has) is failed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.base.parsing import whole
from edgebook.base.text import counted
from edgebook.live.behind import behind_nginx, nginx_ingresses
from edgebook.model.observed import ObservedService
from edgebook.model.pods import ASKED, GATE, NGINX_ASKS, gated, impatient, is_nginx, waits
from edgebook.model.ranges import IPV4_RANGES
from edgebook.model.values import CheckResult
from edgebook.params.types import BackendProtocol, BackendSpec, FrontendSpec, ProxyHeader
from edgebook.verify.annotated import ANNOTATIONS, Hop, distrust, of_ingress, of_service
from edgebook.verify.facts import FAILED, OK, UNCERTAIN, Facts, joined, result
from edgebook.verify.failures import of_backend
from edgebook.verify.listening import Ports, doubts, kept_out, language, said_by
from edgebook.verify.workloads import BUDGETS, DEPLOYMENTS, SCALERS, troubles

Found = Iterator[CheckResult]
Object = Mapping[str, Any]
KEEP_ALIVE = 600  # seconds: Google keeps connections to backends that long
ALLOW_LISTS = (f"{ANNOTATIONS}/whitelist-source-range", f"{ANNOTATIONS}/allowlist-source-range")


def foresight(facts: Facts) -> Found:
    """All of it, for every backend in every cluster that serves it."""
    for name, backend in sorted(facts.spec.backends.items()):
        for cluster in sorted(backend.active):
            seen = facts.observed.clusters.get(cluster)
            service = seen.service(backend.neg.namespace, backend.neg.service) if seen else None
            if seen is None or not seen.reachable or service is None or not service.found:
                continue  # said by the checks of clusters and Services
            subject = f"{cluster}/{service.namespace}/{service.name}"
            pods = pods_of(facts, cluster, service)
            yield from _service(facts, cluster, name, service, subject)
            yield from _probe(name, backend, service, said_by(pods), subject)
            yield from _kept_out(facts, backend, cluster, service, subject)
            yield from _rollouts(pods, subject)
            yield from _kept(facts, cluster, service.namespace, pods, subject)
            yield from _gates(service, pods, subject)
            if nginx := [pod for pod in pods if is_nginx(pod)]:
                yield from _nginx(facts, name, backend, cluster, nginx[0])


def pods_of(facts: Facts, cluster: str, service: ObservedService) -> list[Object]:
    """The pod objects behind a Service; empty when they can't be read."""
    names = {pod.name for pod in service.pods}
    try:
        path = f"api/v1/namespaces/{service.namespace}/pods"
        return [p for p in facts.reader.objects(cluster, path).result()
                if p["metadata"]["name"] in names]  # fmt: skip
    except EdgebookError:
        return []


def _service(
    facts: Facts, cluster: str, name: str, service: ObservedService, subject: str
) -> Found:
    """Proxy load balancers speak TCP, and heed little else of what a Service says."""
    backend = facts.spec.backends[name]
    body = next(
        (
            item
            for item in facts.reader.objects(cluster, "api/v1/services").result()
            if item["metadata"]["namespace"] == service.namespace
            and item["metadata"]["name"] == service.name
        ),
        {},
    )
    for state, check, why, remedy in of_service(name, backend, body) if body else ():
        yield result(state, check, subject, why, remedy)
    for port in (body.get("spec") or {}).get("ports") or ():
        if int(port["port"]) == backend.neg.port and port.get("protocol", "TCP") != "TCP":
            why = f"port {backend.neg.port} is {port['protocol']}: global frontends are TCP only"
            remedy = "leave it on its passthrough load balancer"
            yield result(FAILED, "port is TCP", subject, why, remedy)


def _probe(
    name: str, backend: BackendSpec, service: ObservedService, ports: Ports, subject: str
) -> Found:
    """Pods that listen on a port of the health check's own, and a probe that fits the kubelet's."""
    where = f"{service.namespace}/{service.name}"
    for port in service.target_ports.get(backend.neg.port, ()):
        at, check = backend.health_check.port or port, "health check fits the pods"
        for state, causes in (
            (FAILED, language(ports, backend, at)),
            (UNCERTAIN, doubts(ports, backend, where, at)),
        ):
            for trouble, why in causes:
                remedy = of_backend(trouble, name, backend.neg).remedy
                yield result(state, check, subject, why, remedy)
    probed = backend.health_check.port
    if probed is None:
        return
    if ports.declared and probed not in ports.known:
        named = joined(str(port) for port in ports.declared)
        why = f"probes would go to port {probed}; the pods name {named}"
        remedy = f"set backends.{name}.health_check.port to one of them, or leave it out"
        yield result(FAILED, "pods listen on the probed port", subject, why, remedy)
    elif ports.known:
        yield result(OK, "pods listen on the probed port", subject, str(probed))


def _kept_out(
    facts: Facts, backend: BackendSpec, cluster: str, service: ObservedService, subject: str
) -> Found:
    for port in service.target_ports.get(backend.neg.port, ()):
        for probed in sorted({port, backend.health_check.port or port}):
            for trouble, why in kept_out(facts, cluster, service, probed):
                yield result(UNCERTAIN, "NetworkPolicies let Google in", subject, why,
                             trouble.remedy)  # fmt: skip


def _rollouts(pods: list[Object], subject: str) -> Found:
    """Pods that end before Google has let go of them cost requests at each rollout."""
    if not pods:
        return
    check, spec = "pods outlive their endpoints", pods[0].get("spec") or {}
    stops = [
        c for c in spec.get("containers") or () if not (c.get("lifecycle") or {}).get("preStop")
    ]
    missing = [f"container {c['name']} has no preStop" for c in stops[:1]]
    missing += [short] if (short := impatient(spec)) else []
    grace = int(spec.get("terminationGracePeriodSeconds", 30))
    missing += [f"terminationGracePeriodSeconds is {grace}"] if grace < ASKED else []
    missing += ["there is one pod only"] if len(pods) < 2 else []
    if missing:
        remedy = (
            "preStop sleep of 60 s, grace above it, two pods a zone: else rollouts cost requests"
        )
        yield result(UNCERTAIN, check, subject, "; ".join(missing), remedy)
    else:
        yield result(OK, check, subject, f"{len(pods)} pods, grace {grace} s")


def _kept(facts: Facts, cluster: str, namespace: str, pods: list[Object], subject: str) -> Found:
    """What keeps the pods; silent where nothing is wrong with it."""
    check = "rollouts and drains leave pods"
    paths = [path.format(namespace) for path in (DEPLOYMENTS, BUDGETS, SCALERS)]
    try:
        asked = [facts.reader.objects(cluster, path, missing_ok=True) for path in paths]
        read = [one.result() for one in asked]
    except EdgebookError as error:
        yield result(UNCERTAIN, check, subject, error.why or error.what, error.next)
        return
    for why, remedy in troubles(pods, *read):
        yield result(UNCERTAIN, check, subject, why, remedy)


def _gates(service: ObservedService, pods: list[Object], subject: str) -> Found:
    """Pods that are older than their NEG have no gate, and rollouts do not wait for Google."""
    if not pods or not service.negs:
        return  # GKE gives it to pods that are made while there is a NEG
    check = "rollouts wait for the load balancer"
    bare = [pod for pod in pods if not gated(pod)]
    if bare:
        why = f"{len(bare)} of {len(pods)} pods are older than their NEG, without the gate {GATE}"
        remedy = "a rollout restart of them, once: GKE gives the gate to pods that are made now"
        yield result(UNCERTAIN, check, subject, why, remedy)
    else:
        yield result(OK, check, subject, counted(len(pods), "pod"))


# NGINX as the second hop


def _nginx(facts: Facts, name: str, backend: BackendSpec, cluster: str, pod: Object) -> Found:
    settings = _settings(facts, cluster, pod)
    subject = f"{cluster}/{pod['metadata']['namespace']}"
    yield from _proxy_protocol(facts, name, settings, subject)
    if backend.protocol in (BackendProtocol.SSL, BackendProtocol.TCP):
        return
    trusts = settings.get("use-forwarded-headers") == "true"
    ingresses = _ingresses(facts, cluster)
    if backend.protocol is BackendProtocol.HTTP and not trusts:
        yield from _loop(settings, ingresses, subject)
    yield from _clients(settings, ingresses, subject)
    yield from _patience(name, backend, settings, subject)
    passes = any(
        str(arg).startswith("--enable-ssl-passthrough") and not str(arg).endswith("=false")
        for container in pod["spec"]["containers"]
        for arg in container.get("args") or ()
    )
    hop = Hop(name, backend, not distrust(settings), passes)
    for item in _concerned(facts, cluster):
        for state, check, why, remedy in of_ingress(item, hop):
            yield result(state, check, subject, why, remedy)
    yield from _behind(facts, cluster)


def _behind(facts: Facts, cluster: str) -> Found:
    """NGINX asks again what failed, but no POST: it is lost with the pod that ends under it."""
    check = "pods behind NGINX outlive its list"
    try:
        served = list(behind_nginx(facts.reader, cluster, facts.spec.hostnames))
    except EdgebookError:
        return
    for namespace, service, pods in served:
        if not pods:
            continue
        spec, subject = pods[0].get("spec") or {}, f"{cluster}/{namespace}/{service}"
        hooked = any(waits(c) is not None for c in spec.get("containers") or ())
        short = impatient(spec, NGINX_ASKS) if hooked else "no container has a preStop"
        if short:
            remedy = (
                f"preStop sleep of {NGINX_ASKS} s or more, grace above it: else rollouts cost POSTs"
            )
            yield result(UNCERTAIN, check, subject, short, remedy)
        else:
            yield result(OK, check, subject, counted(len(pods), "pod"))


def _settings(facts: Facts, cluster: str, pod: Object) -> dict[str, str]:
    """The controller's ConfigMap: the one its arguments name, else the chart's."""
    namespace = str(pod["metadata"]["namespace"])
    named = [
        str(arg).partition("=")[2]
        for container in pod["spec"]["containers"]
        for arg in container.get("args") or ()
        if str(arg).startswith("--configmap=")
    ]
    where, _, config = (named or [f"{namespace}/ingress-nginx-controller"])[0].rpartition("/")
    where = namespace if "$" in where or not where else where
    try:
        found = facts.reader.objects(cluster, f"api/v1/namespaces/{where}/configmaps").result()
    except EdgebookError:
        return {}
    data = next((item.get("data") for item in found if item["metadata"]["name"] == config), None)
    return {str(k): str(v) for k, v in (data or {}).items()}


def _ingresses(facts: Facts, cluster: str) -> list[Object]:
    path = "apis/networking.k8s.io/v1/ingresses"
    try:
        return list(facts.reader.objects(cluster, path, missing_ok=True).result())
    except EdgebookError:
        return []


def _concerned(facts: Facts, cluster: str) -> list[Object]:
    try:
        return nginx_ingresses(facts.reader, cluster, facts.spec.hostnames)
    except EdgebookError:
        return []


def _proxy_protocol(facts: Facts, name: str, settings: Mapping[str, str], subject: str) -> Found:
    expects = settings.get("use-proxy-protocol") == "true"
    sends = _sends_proxy(facts.spec.frontends, name)
    check = "NGINX and PROXY protocol agree"
    if expects and not sends:
        why = "use-proxy-protocol is true, and nobody sends it: every connection is broken off"
        remedy = "a controller or Service of its own without use-proxy-protocol for this backend"
        yield result(FAILED, check, subject, why, remedy)
    elif sends and not expects:
        why = "the frontend sends PROXY_V1, and NGINX does not expect it"
        yield result(FAILED, check, subject, why, "set use-proxy-protocol, or proxy_header: NONE")


def _sends_proxy(frontends: Iterable[FrontendSpec], name: str) -> bool:
    return any(f.backend == name and f.proxy_header is ProxyHeader.PROXY_V1 for f in frontends)


def _loop(settings: Mapping[str, str], ingresses: list[Object], subject: str) -> Found:
    """Plain HTTP behind Google: NGINX redirects to HTTPS what was HTTPS already.

    Each Ingress may say otherwise than the ConfigMap.
    """

    def says(ingress: Object, name: str, unset: str) -> bool:
        said = (ingress["metadata"].get("annotations") or {}).get(f"{ANNOTATIONS}/{name}")
        return str(said or settings.get(name, unset)) == "true"

    looping = [
        f"{i['metadata']['namespace']}/{i['metadata']['name']}"
        for i in ingresses
        if says(i, "force-ssl-redirect", "false")
        or (says(i, "ssl-redirect", "true") and (i.get("spec") or {}).get("tls"))
    ]
    if looping or settings.get("force-ssl-redirect") == "true":
        where = f" ({joined(looping)})" if looping else ""
        why = (
            f"ssl-redirect is on{where} and use-forwarded-headers is not: HTTPS requests redirect "
            "for ever"
        )
        remedy = 'set use-forwarded-headers: "true" in its ConfigMap, or protocol: HTTPS, port 443'
        yield result(FAILED, "NGINX does not redirect in a loop", subject, why, remedy)


def _clients(settings: Mapping[str, str], ingresses: list[Object], subject: str) -> Found:
    """Without forwarded headers NGINX takes Google's addresses for the clients'."""
    if not (why_not := distrust(settings)):
        return
    lists = [
        f"{i['metadata']['namespace']}/{i['metadata']['name']}"
        for i in ingresses
        if any(name in (i["metadata"].get("annotations") or {}) for name in ALLOW_LISTS)
    ]
    remedy = (
        'set use-forwarded-headers: "true" and proxy-real-ip-cidr to '
        f"{','.join(IPV4_RANGES)} and the front door's address"
    )
    if lists or settings.get("whitelist-source-range"):
        where = joined(lists) if lists else "its ConfigMap"
        why = f"{why_not}: allow-lists ({where}) would see Google's addresses and refuse everybody"
        yield result(FAILED, "NGINX sees the clients' addresses", subject, why, remedy)
    else:
        why = f"{why_not}: logs and limits see Google's addresses"
        yield result(UNCERTAIN, "NGINX sees the clients' addresses", subject, why, remedy)


def _patience(name: str, backend: BackendSpec, settings: Mapping[str, str], subject: str) -> Found:
    """Who gives up first, and who closes idle connections first."""
    read = whole(settings.get("proxy-read-timeout"), 60)
    if read > int(backend.timeout):
        why = f"NGINX waits {read} s for the application, Google {int(backend.timeout)} s"
        remedy = f"set backends.{name}.timeout to {read} s or more, if such answers are wanted"
        yield result(UNCERTAIN, "timeouts fit", subject, why, remedy)
    idle = whole(settings.get("keep-alive"), 75)
    if idle <= KEEP_ALIVE:
        why = f"NGINX closes idle connections after {idle} s, Google keeps them {KEEP_ALIVE} s"
        remedy = 'set keep-alive: "620" in its ConfigMap: else a request is lost now and then'
        yield result(UNCERTAIN, "keep-alive fits", subject, why, remedy)
