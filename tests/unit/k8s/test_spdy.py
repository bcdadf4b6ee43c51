"""SPDY's frames: what kubectl sends, in pieces and broken."""

import struct
import zlib

import pytest
from gcpsim.k8s.api.spdy import DICTIONARY, Broken, Event, Reader, Writer


def opened(stream: int, deflate: "zlib._Compress", **headers: str) -> bytes:
    block = struct.pack(">I", len(headers))
    for name, value in headers.items():
        for text in (name, value):
            block += struct.pack(">I", len(text)) + text.encode()
    packed = deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH)
    body = struct.pack(">IIH", stream, 0, 0) + packed
    return struct.pack(">II", 0x80030001, len(body)) + body


def test_the_dictionary_is_the_protocols() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_frames_in_pieces(piece: int) -> None:
    deflate = zlib.compressobj(zdict=DICTIONARY)
    sent = (
        opened(1, deflate, streamtype="error", port="80", requestid="0")
        + opened(3, deflate, streamtype="data", port="80", requestid="0")
        + Writer().data(3, b"hello")
        + Writer().data(3, fin=True)
        + struct.pack(">III", 0x80030006, 4, 9)
        + struct.pack(">IIII", 0x80030009, 8, 3, 100)  # a window that nobody keeps
        + struct.pack(">IIII", 0x80030003, 8, 3, 5)
        + struct.pack(">IIII", 0x80030007, 8, 3, 0)
    )
    reader, found = Reader(), []
    for start in range(0, len(sent), piece):
        found += reader.feed(sent[start : start + piece])
    about = {"port": "80", "requestid": "0"}
    assert found == [
        Event("opened", 1, headers={"streamtype": "error", **about}),
        Event("opened", 3, headers={"streamtype": "data", **about}),
        Event("data", 3, b"hello"),
        Event("data", 3, fin=True),
        Event("ping", data=struct.pack(">I", 9)),
        Event("reset", 3),
        Event("goaway"),
    ]


def test_answers_can_be_read_again() -> None:
    writer, inflate = Writer(), zlib.decompressobj(zdict=DICTIONARY)
    for stream in (1, 3):
        frame = writer.accept(stream)
        assert struct.unpack_from(">II", frame)[0] == 0x80030002
        assert struct.unpack_from(">I", frame, 8)[0] == stream
        assert inflate.decompress(frame[12:]) == struct.pack(">I", 0), "no headers"
    ping = Event("ping", data=struct.pack(">I", 7))
    assert Reader().feed(writer.pong(ping)) == [ping]


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">II", 1, 0xFFFFFF),  # larger than any client's
        struct.pack(">II", 0x80020001, 10) + bytes(10),  # SPDY/2
        struct.pack(">II", 0x80030001, 14) + bytes(10) + b"none",  # headers that are not packed
        struct.pack(">II", 0x80030001, 2) + bytes(2),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["size", "version", "headers", "short", "http"],
)
def test_what_is_none(sent: bytes) -> None:
    with pytest.raises(Broken):
        Reader().feed(sent)
