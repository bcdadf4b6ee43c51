"""The topology tells the truth, and no line of it goes through a box."""

import re

from edgebook.show import pictures

RECT = re.compile(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"')
FLAT = re.compile(r"M(\d+) (\d+)H(\d+)")


def node(kind: str, name: str, state: str = "ACTIVE") -> dict[str, str]:
    return {"id": f"{kind} {name}", "kind": kind, "name": name, "state": state, "detail": ""}


def test_a_line_that_passes_a_column_goes_between_its_boxes() -> None:
    """SSL leads past the URL map to its backend service."""
    maps = [node("URL map", f"map-{number}") for number in range(3)]
    services = [node("backend service", name) for name in ("api", "mqtt", "web")]
    fronts = [node("frontend", name) for name in ("web", "mqtt")]
    edges = [["frontend web", one["id"]] for one in maps]
    edges += [[one["id"], "backend service web"] for one in maps]
    edges += [["URL map map-0", "backend service api"], ["frontend mqtt", "backend service mqtt"]]
    svg = pictures.topology({"nodes": [*fronts, *maps, *services], "edges": edges}).svg
    boxes = [tuple(map(int, found)) for found in RECT.findall(svg)]
    lines = [tuple(map(int, found)) for found in FLAT.findall(svg)]
    assert len(boxes) == 8
    assert any(end - start > 50 for start, _, end in lines), "no line passes a column"
    for start, height, end in lines:
        for x, y, wide, high in boxes:
            crosses = start < x + wide - 1 and end > x + 1 and y < height < y + high
            assert not crosses, f"line at {height} from {start} to {end} crosses a box at {x},{y}"


def test_a_name_that_points_elsewhere_is_told_apart() -> None:
    nodes = [node("DNS name", "shop.test", "ELSEWHERE"), node("old load balancer", "ns/nginx"),
             node("address", "shop-edge")]  # fmt: skip
    picture = pictures.topology(
        {"nodes": nodes, "edges": [["DNS name shop.test", "old load balancer ns/nginx"]]}
    )
    lines = str(picture).splitlines()
    assert lines[lines.index("  DNS name shop.test  ELSEWHERE") + 1].strip().startswith("old load")
    assert pictures.COLOURS["warn"] in picture.svg
