"""A webhook receiver on 127.0.0.1 that keeps what it took, and misbehaves when told to."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time


class WebhookReceiver:
    """Takes Standard Webhooks; `behaviour` says how it answers next.

    ok · fail (500) · busy (429 with Retry-After) · hang (no answer until the sender goes) · drop (closes without an answer) ·
    lose-answer (takes the events, then closes) · slow (takes them late) · redirect · gone (410)

    `port` 0 chooses one; a receiver that is started again on the same port goes on with the same memory when it is given.
    """

    def __init__(self, secret: str, port: int = 0, memory: "Memory | None" = None, elsewhere: str = ""):
        self.secret = secret
        self.memory = memory or Memory()
        self.behaviour = "ok"
        self.elsewhere = elsewhere
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver._take(self)

            do_GET = do_POST

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        self._listener = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return self._listener.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?tenant=1"

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    def _take(self, request: http.server.BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        behaviour = self.behaviour
        self.memory.requested(request, behaviour)
        if behaviour == "hang":
            # Until the sender gives up: reading ends when it closes.
            request.connection.settimeout(30)
            try:
                request.connection.recv(1)
            except OSError:
                pass
            request.close_connection = True
            return
        if behaviour == "drop":
            request.close_connection = True
            return
        if behaviour in ("fail", "busy", "redirect", "gone"):
            status = {"fail": 500, "busy": 429, "redirect": 307, "gone": 410}[behaviour]
            fields = {"busy": {"Retry-After": "1"}, "redirect": {"Location": self.elsewhere}}.get(behaviour, {})
            return self._answer(request, status, fields)
        if behaviour == "slow":
            time.sleep(0.05)
        self.memory.take(request.headers, body, self.secret)
        if behaviour == "lose-answer":
            request.close_connection = True
            return
        self._answer(request, 200, {})

    @staticmethod
    def _answer(request, status: int, fields: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in ({"Content-Length": "0"} | fields).items():
            request.send_header(name, value)
        request.end_headers()


class Memory:
    """What a receiver took: it survives the receiver's restarts."""

    def __init__(self):
        self._lock = threading.Lock()
        self.events: list[dict] = []
        self.batches: list[tuple[str, list[int]]] = []  # webhook-id, sequences
        self.requests = 0
        self.unsigned = 0
        self.misbehaved = 0

    def requested(self, request, behaviour: str) -> None:
        with self._lock:
            self.requests += 1
            self.misbehaved += behaviour not in ("ok", "slow")

    def take(self, headers, body: bytes, secret: str) -> None:
        signed = verifies(headers, body, secret)
        value = json.loads(body)
        events = value["data"]["events"]
        with self._lock:
            self.unsigned += not signed
            self.events += events
            self.batches.append((headers["webhook-id"], [event["sequence"] for event in events]))

    def first_sequences(self) -> list[int]:
        """Each change's sequence, where it came first."""
        with self._lock:
            return list(dict.fromkeys(event["sequence"] for event in self.events if event["change"] != "present"))

    @property
    def duplicates(self) -> int:
        return len(self.events) - len({(event["sequence"], event.get("document")) for event in self.events})


def verifies(headers, body: bytes, secret: str) -> bool:
    """Standard Webhooks 1.0: HMAC-SHA256 over id, timestamp and body, not older than five minutes."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    identity, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
    if abs(time.time() - int(timestamp)) > 300:
        return False
    digest = hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(expected, found) for found in headers.get("webhook-signature", "").split(" "))
