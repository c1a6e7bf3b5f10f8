"""An OpenAI-compatible embedding server on the loopback interface, with the stubbed embedder and a log of the texts.

It needs no third-party package. A text is in the log before its vector is sent.
"""

import contextlib
import hashlib
import http.server
import json
import math
import os
import pathlib
import threading
import time

DIMENSION = 384
LARGEST_REQUEST_BYTES = 64 << 20


def vector(text: str) -> list[float]:
    numbers = [byte - 127.5 for byte in hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(DIMENSION)]
    length = math.sqrt(sum(number * number for number in numbers))
    return [round(number / length, 6) for number in numbers]


def key(text: str) -> str:
    return hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that was killed left its connection: nothing to tell."""


@contextlib.contextmanager
def serving(log: pathlib.Path, pause: float = 0):
    """Serves while the context is open; gives the base address, which ends with /v1."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", "0"))
            if not self.path.endswith("/embeddings") or not 0 < size <= LARGEST_REQUEST_BYTES:
                self.send_error(404)
                return
            texts = json.loads(self.rfile.read(size))["input"]
            texts = [texts] if isinstance(texts, str) else texts
            os.write(descriptor, "".join(key(text) + "\n" for text in texts).encode())
            if pause:
                time.sleep(pause * len(texts))
            data = [{"object": "embedding", "index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
            body = json.dumps({"object": "list", "model": "stub", "data": data, "usage": {"total_tokens": 0}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client was killed, which is what is being tried

        def log_message(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        os.close(descriptor)
