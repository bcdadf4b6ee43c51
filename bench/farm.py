"""What the pod farm promises: many pods cheap, never the bottleneck in front of a proxy.

The farm is a process of its own, as in the simulator; the client is this one, with pipelined
requests over kept connections. Its processor time is what counts, so that the figure is the farm's
and not that of a client or a busy machine.
"""

import asyncio
import time
from typing import Any

import psutil
from gcpsim.core.behaviour import HEALTHY
from gcpsim.dataplane.block import Block
from gcpsim.dataplane.link import FarmLink

PODS = 2_000
CONNECTIONS = 50
PIPELINED = 16
SECONDS = 3.0
IDLE_SECONDS = 5.0
REQUEST = b"GET /cart?x=1 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench\r\n\r\n"


def order(number: int, address: str) -> dict[str, Any]:
    about = {"cluster": "blue", "location": "us-central1", "zone": "us-central1-a", "node": "n",
             "namespace": "shop", "pod": f"web-{number}", "ip": f"10.4.{number // 250}.{number % 250}"}  # fmt: skip  # noqa: E501
    return {"op": "pod", "key": f"blue/shop/web-{number}", "address": address, "about": about,
            "ports": {"8080": "http"}, "phase": "serving", "behaviour": HEALTHY.to_json(),
            "certificates": [], "ingress": ""}  # fmt: skip


async def load(at: tuple[str, int], until: float) -> int:
    """Requests answered on one connection."""
    reader, writer = await asyncio.open_connection(*at)
    answered, pending = 0, b""
    while time.perf_counter() < until:
        writer.write(REQUEST * PIPELINED)
        left = PIPELINED
        while left:
            pending += await reader.read(1 << 18)
            found = pending.count(b"HTTP/1.1 200 OK")
            if found:
                left -= found
                answered += found
                pending = pending[-16:] if left else b""
    writer.close()
    return answered


async def measure() -> list[dict[str, Any]]:
    block, link = Block(), FarmLink()
    sockets: list[tuple[str, int]] = []
    link.on("listening", lambda event: sockets.append(tuple(event["sockets"]["8080"])))
    began = time.perf_counter()
    await link.open()
    link.send(*[order(number, block.pod()) for number in range(PODS)])
    await link.ask({"op": "count"}, "count")
    ready = time.perf_counter() - began
    process = psutil.Process(link.pid)
    memory = process.memory_info().rss / 2**20
    process.cpu_percent()
    await asyncio.sleep(IDLE_SECONDS)
    idle = process.cpu_percent()
    before = sum(process.cpu_times()[:2])
    until = time.perf_counter() + SECONDS
    answered = await asyncio.gather(*(load(at, until) for at in sockets[:CONNECTIONS]))
    spent = sum(process.cpu_times()[:2]) - before
    await link.close()
    block.close()
    return [
        {"what": f"{PODS:,} pods listen after", "measured": ready, "unit": "s", "limit": "<= 3"},
        {"what": f"memory with {PODS:,} pods", "measured": memory, "unit": "MiB", "limit": "<= 80"},
        {"what": "one core when nobody asks", "measured": idle, "unit": "%", "limit": "<= 1"},
        {"what": f"requests a second of a core, {CONNECTIONS} connections",
         "measured": sum(answered) / spent, "unit": "1/s", "limit": ">= 25000"},
    ]  # fmt: skip


def run() -> list[dict[str, Any]]:
    return asyncio.run(measure())
