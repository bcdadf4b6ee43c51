"""What the clusters' objects say."""

from edgebook.live.clusters import negs_by_port, tags_of_nodes, zones_of_nodes
from edgebook.live.ports import target_ports

LINK = "https://www.googleapis.com/compute/v1/projects/p/zones/{}/networkEndpointGroups/{}"


def test_negs_by_service_port_with_their_state():
    labels = {"networking.gke.io/service-name": "svc", "networking.gke.io/service-port": "443"}
    refs = [{"selfLink": LINK.format("b", "n")},
            {"selfLink": LINK.format("a", "n"), "state": "INACTIVE"}]  # fmt: skip
    item = {
        "metadata": {"name": "n", "namespace": "ns", "labels": labels},
        "status": {"networkEndpointGroups": refs},
    }
    found = negs_by_port([item])
    assert [(neg.zone, neg.state) for neg in found[(("ns", "svc"), 443)]] == [
        ("a", "INACTIVE"),
        ("b", "ACTIVE"),
    ]


def test_target_ports_are_those_of_the_pods():
    service = {"spec": {"ports": [{"name": "https", "port": 443, "targetPort": "tls"},
                                  {"name": "http", "port": 80, "targetPort": 8080}]}}  # fmt: skip
    slices = [{"endpoints": [{}], "ports": [{"name": "https", "port": 8443}]},
              {"endpoints": [{}], "ports": [{"name": "https", "port": 9443}]},
              {"endpoints": [], "ports": [{"name": "https", "port": 1}]}]  # fmt: skip
    assert target_ports(service, slices) == {443: (8443, 9443), 80: (8080,)}


def node(name, zone, ready="True", **labels):
    return {
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone, **labels}},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def test_zones_are_those_of_nodes_that_may_serve():
    excluded = {"node.kubernetes.io/exclude-from-external-load-balancers": "true"}
    nodes = [node("1", "a"), node("2", "b", ready="False"), node("3", "c", **excluded)]
    assert zones_of_nodes(nodes) == ("a",)


def test_node_tags_of_the_right_cluster():
    rules = [{"targetTags": ["gke-blue-1a2b-node"]}, {"targetTags": ["gke-blue-eu-3c4d-node"]},
             {"targetTags": ["web"]}]  # fmt: skip
    assert tags_of_nodes([node("gke-blue-pool-1", "a")], rules) == ("gke-blue-1a2b-node",)
    assert tags_of_nodes([node("gke-blue-eu-pool-1", "a")], rules) == ("gke-blue-eu-3c4d-node",)
