"""Where regions are: which one is nearest to a location, and in which country it is.

Google's front ends choose by round-trip time; distance on the globe stands for it. Coordinates are
those of the places that Google's page of regions names, in degrees.
"""

import math

PLACES: dict[str, tuple[float, float, str]] = {
    "africa-south1": (-26.2, 28.0, "ZA"),
    "asia-east1": (24.1, 120.5, "TW"),
    "asia-east2": (22.3, 114.2, "HK"),
    "asia-northeast1": (35.7, 139.7, "JP"),
    "asia-northeast2": (34.7, 135.5, "JP"),
    "asia-northeast3": (37.6, 127.0, "KR"),
    "asia-south1": (19.1, 72.9, "IN"),
    "asia-south2": (28.6, 77.2, "IN"),
    "asia-southeast1": (1.3, 103.8, "SG"),
    "asia-southeast2": (-6.2, 106.8, "ID"),
    "australia-southeast1": (-33.9, 151.2, "AU"),
    "australia-southeast2": (-37.8, 145.0, "AU"),
    "europe-central2": (52.2, 21.0, "PL"),
    "europe-north1": (60.6, 27.2, "FI"),
    "europe-north2": (59.3, 18.1, "SE"),
    "europe-southwest1": (40.4, -3.7, "ES"),
    "europe-west1": (50.4, 3.8, "BE"),
    "europe-west10": (52.5, 13.4, "DE"),
    "europe-west12": (45.1, 7.7, "IT"),
    "europe-west2": (51.5, -0.1, "GB"),
    "europe-west3": (50.1, 8.7, "DE"),
    "europe-west4": (53.4, 6.8, "NL"),
    "europe-west6": (47.4, 8.5, "CH"),
    "europe-west8": (45.5, 9.2, "IT"),
    "europe-west9": (48.9, 2.4, "FR"),
    "me-central1": (25.3, 51.5, "QA"),
    "me-central2": (26.4, 50.1, "SA"),
    "me-west1": (32.1, 34.8, "IL"),
    "northamerica-northeast1": (45.5, -73.6, "CA"),
    "northamerica-northeast2": (43.7, -79.4, "CA"),
    "northamerica-south1": (20.6, -100.4, "MX"),
    "southamerica-east1": (-23.5, -46.6, "BR"),
    "southamerica-west1": (-33.4, -70.7, "CL"),
    "us-central1": (41.3, -95.9, "US"),
    "us-east1": (33.2, -80.0, "US"),
    "us-east4": (39.0, -77.5, "US"),
    "us-east5": (40.0, -83.0, "US"),
    "us-south1": (32.8, -96.8, "US"),
    "us-west1": (45.6, -121.2, "US"),
    "us-west2": (34.1, -118.2, "US"),
    "us-west3": (40.8, -111.9, "US"),
    "us-west4": (36.2, -115.1, "US"),
}


def country(region: str) -> str:
    """The ISO 3166 code of a region's country; "" for a region that is not known."""
    return PLACES[region][2] if region in PLACES else ""


def distance(one: str, other: str) -> float:
    """Kilometres between two regions; an unknown region is farther than all others."""
    if one == other:
        return 0.0
    if one not in PLACES or other not in PLACES:
        return 1e6
    (a, b, _), (c, d, _) = PLACES[one], PLACES[other]
    first, second, turn = math.radians(a), math.radians(c), math.radians(d - b)
    cosine = math.sin(first) * math.sin(second)
    cosine += math.cos(first) * math.cos(second) * math.cos(turn)
    return 6371.0 * math.acos(max(-1.0, min(1.0, cosine)))
