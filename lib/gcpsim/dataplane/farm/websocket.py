"""A WebSocket on one connection of a pod: messages come back; `who` is answered with JSON."""

import json

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from gcpsim.dataplane.farm.answers import Request, account
from gcpsim.dataplane.farm.seams import Line


class WebSocket:
    """The speaker of a connection after its upgrade."""

    name = "websocket"

    def __init__(self, connection: Line, request: Request) -> None:
        self.connection = connection
        self._request = request
        self._protocol = ServerProtocol()
        lines = [f"{request.method} {request.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        self._protocol.receive_data(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        for event in self._protocol.events_received():
            if isinstance(event, Handshake):
                self._accept(event)
        self._send()

    busy = True

    def _accept(self, handshake: Handshake) -> None:
        pod = self.connection.pod
        if pod.behaviour.fail:
            response = self._protocol.reject(pod.behaviour.fail, "failing\n")
        else:
            response = self._protocol.accept(handshake)
        for name, value in pod.identity.headers()[1:]:
            response.headers[name] = value
        self._protocol.send_response(response)

    def feed(self, data: bytes) -> None:
        if not data or self.connection.pod.behaviour.hang:
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and self._protocol.state is OPEN:
                self._message(event)
        self._send()

    def _message(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT and bytes(frame.data).strip() == b"who":
            about = account(self.connection.pod.identity, self._request)
            self._protocol.send_text(json.dumps(about).encode())
        elif frame.opcode is Opcode.TEXT:
            self._protocol.send_text(frame.data, fin=frame.fin)
        elif frame.opcode is Opcode.BINARY:
            self._protocol.send_binary(frame.data, fin=frame.fin)
        elif frame.opcode is Opcode.CONT:
            self._protocol.send_continuation(frame.data, fin=frame.fin)

    def _send(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.connection.write(data)
            else:
                self.connection.close()

    def finish(self) -> None:
        """Streams stay until the process has ended."""

    def lost(self) -> None:
        return
