"""A small SMTP server on 127.0.0.1 for tests: prints its port, then each message it took as a line of JSON.

Arguments: a certificate and its key (PEM) for STARTTLS, or none; then any of refuse (554 to every recipient), login
(asks for user ops, password secret) and hang (no answer to DATA's end).
"""

import base64
import json
import socket
import ssl
import sys
import threading

certificate, key = (sys.argv[1], sys.argv[2]) if len(sys.argv) > 2 and sys.argv[1] != "-" else (None, None)
flags = set(sys.argv[3:])


def serve(connection: socket.socket) -> None:
    state = {"encrypted": False, "user": None, "to": []}
    stream = connection.makefile("rwb")

    def say(line: str) -> None:
        stream.write(line.encode() + b"\r\n")
        stream.flush()

    say("220 localhost ready")
    while line := stream.readline():
        text = line.decode("latin-1").rstrip("\r\n")
        word = text.split(" ")[0].upper()
        if word == "EHLO":
            offers = ["localhost"] + (["STARTTLS"] if certificate and not state["encrypted"] else [])
            offers += ["AUTH PLAIN"] if "login" in flags and state["encrypted"] else []
            for number, offer in enumerate(offers):
                say(("250 " if number == len(offers) - 1 else "250-") + offer)
        elif word == "STARTTLS":
            say("220 go ahead")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            try:
                connection = context.wrap_socket(connection, server_side=True)
            except (ssl.SSLError, OSError):
                return
            stream = connection.makefile("rwb")
            state["encrypted"] = True
        elif word == "AUTH":
            parts = text.split(" ")
            if len(parts) < 3:
                say("334 ")
                parts.append(stream.readline().decode().strip())
            given = base64.b64decode(parts[2]).split(b"\0")
            if given[1:] == [b"ops", b"secret"]:
                state["user"] = "ops"
                say("235 welcome")
            else:
                say("535 no")
        elif word == "MAIL":
            state["from"] = text[10:].split(">")[0].lstrip("<")
            say("250 ok" if "login" not in flags or state["user"] else "530 log in first")
        elif word == "RCPT":
            if "refuse" in flags:
                say("554 no")
            else:
                state["to"].append(text[8:].split(">")[0].lstrip("<"))
                say("250 ok")
        elif word == "DATA":
            say("354 go on")
            body = b""
            while (part := stream.readline()) not in (b".\r\n", b""):
                body += part[1:] if part.startswith(b".") else part
            if "hang" in flags:
                stream.readline()
                return
            # Before the answer: whoever has the answer finds the line.
            print(json.dumps({**state, "message": body.decode("latin-1")}), flush=True)
            say("250 taken")
        elif word == "QUIT":
            say("221 bye")
            return
        else:
            say("250 ok")


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
