"""A server that speaks /v1/embeddings on 127.0.0.1, and misbehaves when told to."""

import hashlib
import http.server
import json
import math
import threading
import time


class EmbeddingServer:
    """Answers with repeatable unit vectors; `behaviour` says how it answers next.

    ok · busy (429 with Retry-After) · broken (500) · garbage (200, no JSON) · short (a vector too few) ·
    other-dimension · drop (closes the connection without an answer) · hang (answers nothing until it behaves otherwise, and
    then drops the request) · refuse (nobody listens any more; set by `refuse` and ended by `listen`) · once-… (that, for one
    request only)
    """

    def __init__(self, dimension: int = 32):
        self.dimension = dimension
        self.behaviour = "ok"
        self.requests = 0
        self.texts: list[str] = []
        self.refused = 0
        self.retry_after = 1  # seconds, said with 429
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                server._answer(self)

            def log_message(self, *arguments):
                pass

        self._handler = Handler
        self._port = 0
        self._lock = threading.Lock()
        self.listen()

    def listen(self) -> None:
        """Somebody answers at the address: from the beginning, and again after `refuse`."""
        self._listener = http.server.ThreadingHTTPServer(("127.0.0.1", self._port), self._handler)
        self._listener.daemon_threads = True
        self._port = self._listener.server_port
        self.behaviour = "ok"
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()

    def refuse(self) -> None:
        """Connections are refused; those that are open end with their next request."""
        self.behaviour = "refuse"
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def close(self) -> None:
        """From now on nobody answers at the address."""
        self._listener.shutdown()
        self._listener.server_close()

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers.get("Content-Length", 0))))
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        with self._lock:
            self.requests += 1
            behaviour = self.behaviour
            if behaviour.startswith("once-"):
                behaviour, self.behaviour = behaviour.removeprefix("once-"), "ok"
            if behaviour == "ok":
                self.texts += texts
            else:
                self.refused += 1
        while behaviour == "hang" and self.behaviour == "hang":
            time.sleep(0.05)
        if behaviour in ("drop", "hang", "refuse"):
            request.close_connection = True
            return
        if behaviour == "busy":
            return self._send(request, 429, b'{"error":{"message":"slow down"}}', {"Retry-After": str(self.retry_after)})
        if behaviour == "broken":
            return self._send(request, 500, b'{"error":{"message":"out of order"}}', {})
        if behaviour == "garbage":
            return self._send(request, 200, b"<html>\xff not an answer", {})
        dimension = self.dimension + (8 if behaviour == "other-dimension" else 0)
        vectors = [vector(text, dimension) for text in texts]
        if behaviour == "short":
            vectors.pop()
        answer = {
            "object": "list",
            "model": body.get("model"),
            "data": [{"object": "embedding", "index": index, "embedding": value} for index, value in enumerate(vectors)],
            "usage": {"prompt_tokens": sum(map(len, texts)) // 4, "total_tokens": sum(map(len, texts)) // 4},
        }
        self._send(request, 200, json.dumps(answer).encode(), {})

    def _send(self, request, status: int, body: bytes, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)


def vector(text: str, dimension: int) -> list[float]:
    digest = b"".join(hashlib.sha256(f"{part}:{text}".encode()).digest() for part in range((dimension + 31) // 32))
    values = [(byte - 127.5) / 127.5 for byte in digest[:dimension]]
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]
