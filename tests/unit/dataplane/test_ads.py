"""What a location's Envoy is told over ADS, and told again."""

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.service.discovery.v3 import discovery_pb2
from gcpsim.dataplane.envoy.ads import Catalogue, Stream
from gcpsim.dataplane.envoy.messages import CLUSTER, ENDPOINTS
from google.protobuf.any_pb2 import Any


def packed(message: object) -> Any:
    made = Any()
    made.Pack(message)
    return made


def ask(stream: Stream, kind: str, names: tuple[str, ...] = (), nonce: str = "") -> None:
    request = discovery_pb2.DiscoveryRequest(type_url=kind, response_nonce=nonce)
    request.resource_names.extend(names)
    stream.take(request)


def told(stream: Stream) -> list[str]:
    """The types that are due, each answered at once."""
    found = []
    while (response := stream.due()) is not None:
        found.append(response.type_url)
        names = ("web",) if response.type_url == ENDPOINTS else ()
        ask(stream, response.type_url, names, response.nonce)
    return found


def test_a_cluster_that_changes_gets_its_endpoints_once_more() -> None:
    catalogue = Catalogue()
    catalogue.put(CLUSTER, "web", packed(cluster_pb2.Cluster(name="web")))
    catalogue.put(ENDPOINTS, "web", packed(endpoint_pb2.ClusterLoadAssignment(cluster_name="web")))
    stream = Stream(catalogue)
    ask(stream, CLUSTER)
    ask(stream, ENDPOINTS, ("web",))
    assert told(stream) == [CLUSTER, ENDPOINTS]
    assert told(stream) == []
    catalogue.put(CLUSTER, "web", packed(cluster_pb2.Cluster(name="web", alt_stat_name="changed")))
    assert told(stream) == [CLUSTER, ENDPOINTS]
    assert told(stream) == []
