"""A webhook receiver that fails, hangs and is restarted, and a Freshet that is killed: nothing lost, nothing out of order."""

import base64
import email
import email.policy
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from campaign import Campaign, Skipped
from documents import Tree
from freshet import Workspace
from webhook_receiver import Memory, WebhookReceiver

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


class Webhook(Campaign):
    name = "webhook"
    summary = "webhooks: a receiver fails, hangs, is restarted, Freshet is killed; every event at least once, in order"

    def __init__(self, options):
        super().__init__(options)
        self.figures: list[str] = []

    def cases(self):
        quick = self.options.quick
        for behaviour in ("fail", "hang") if quick else ("fail", "busy", "hang", "drop", "lose-answer", "slow"):
            yield f"receiver-{behaviour}", lambda chance, behaviour=behaviour: self.misbehaves(chance, behaviour)
        yield "restart", self.restarted
        yield "gone", self.gone
        yield "redirect", self.redirected
        yield "untrusted", self.untrusted
        yield "kill-deliver", lambda chance: self.killed(chance, 5 if quick else 60, following=False)
        yield "kill-follow", lambda chance: self.killed(chance, 3 if quick else 30, following=True)
        yield "kill-sync", lambda chance: self.killed_in_sync(chance, 3 if quick else 20)
        yield "storm", lambda chance: self.storm(chance, 10 if quick else 60)
        yield "restored", self.restored
        yield "mail", self.mail

    def report(self) -> None:
        for line in self.figures:
            self.say(line)

    # What every case has

    def hooked(self, label: str, chance, receiver: WebhookReceiver, count: int = 20, more: str = "") -> tuple[Workspace, Tree]:
        workspace = self.workspace(label)
        workspace.environment["HOOK_SECRET"] = SECRET
        workspace.configure(more="webhooks:\n  - { name: ops, url: '%s', secret_env: HOOK_SECRET, timeout: 500ms, retries: 1, batch: 4 }\n"
                            "events: { deliver_within: 3s }\n%s" % (receiver.url, more))
        outcome = workspace.call("trust")
        self.check_ends(outcome, (0,), "trust")
        tree = Tree(workspace.docs, chance)
        tree.create(count)
        return workspace, tree

    def change(self, workspace: Workspace, tree: Tree, edits: int = 6) -> None:
        tree.begin_step()
        tree.edit(edits)
        tree.create(2)
        tree.delete(1)
        tree.rename(1)

    def log(self, workspace: Workspace) -> list[dict]:
        return workspace.call("events", "--json").lines()

    def check_complete(self, workspace: Workspace, memory: Memory, what: str) -> None:
        """Everything of the log came, signed, in the order of the log."""
        log = self.log(workspace)
        expected = [event["sequence"] for event in log]
        found = memory.first_sequences()
        lost = len(set(expected) - set(found))
        disorder = sum(later < earlier for earlier, later in zip(found, found[1:]))
        self.check(lost == 0, f"{what}: {lost} of {len(expected)} events are lost")
        self.check(disorder == 0, f"{what}: {disorder} events came out of order")
        self.check(not set(found) - set(expected), f"{what}: events came that the log does not have")
        self.check(memory.unsigned == 0, f"{what}: {memory.unsigned} requests were not signed right")
        taken = {event["sequence"]: event for event in memory.events if event["change"] != "present"}
        differing = [event["sequence"] for event in log
                     if taken.get(event["sequence"], event)["document"] != event["document"]]
        self.check(not differing, f"{what}: events differ from the log's at {differing[:3]}")
        for position in workspace.call("events", "consumers", "--json").lines():
            self.check(position["sequence"] == expected[-1] and position["pending"] == 0, f"{what}: position {position}")
        self.figures.append(f"{self._label}: {len(expected)} events in {memory.requests} requests "
                            f"({memory.misbehaved} not answered well), {memory.duplicates} duplicates, "
                            f"{disorder} out of order, {lost} lost")

    def deliver(self, workspace: Workspace, *arguments: str, codes=(0,), seconds: float = 60):
        outcome = workspace.call("events", "deliver", "--json", *arguments, seconds=seconds)
        self.check_ends(outcome, codes, "deliver")
        return outcome

    # The receiver

    def misbehaves(self, chance, behaviour: str) -> None:
        receiver = WebhookReceiver(SECRET)
        workspace, tree = self.hooked(f"receiver-{behaviour}", chance, receiver)
        self.check_ends(workspace.sync(), (0,), "first sync")
        self.check(len(receiver.memory.events) >= 20, "the first sync delivered nothing")
        receiver.behaviour = behaviour
        for _ in range(2):
            self.change(workspace, tree)
            outcome = workspace.sync(seconds=60)
            self.check_ends(outcome, (0,), f"a sync while the receiver is {behaviour}")
            self.check(outcome.seconds < 15, f"the sync took {outcome.seconds:.1f} s")
            delivery = outcome.value().get("deliveries", [{}])[0]
            if behaviour in ("fail", "busy", "hang", "drop"):
                self.check(delivery.get("pending", 0) > 0, f"the report does not say that something is left: {delivery}")
        receiver.behaviour = "ok"
        self.deliver(workspace)
        self.check_complete(workspace, receiver.memory, behaviour)
        receiver.close()
        workspace.remove()

    def restarted(self, chance) -> None:
        """The receiver goes and comes back on the same port while a delivery follows."""
        receiver = WebhookReceiver(SECRET)
        workspace, tree = self.hooked("restart", chance, receiver)
        port, memory = receiver.port, receiver.memory
        self.check_ends(workspace.sync(seconds=60), (0,), "first sync")
        follower = self.start(workspace, "events", "deliver", "--follow")
        try:
            for round in range(2 if self.options.quick else 6):
                receiver.close()
                self.change(workspace, tree)
                self.check_ends(workspace.sync(seconds=60), (0,), "a sync while nobody listens")
                time.sleep(chance.uniform(0.1, 0.8))
                receiver = WebhookReceiver(SECRET, port, memory)
            self.wait_for(workspace, memory)
            outcome = self.stop(follower, signal.SIGINT)
            self.check(outcome == 0, f"Ctrl-C ended the delivery with {outcome}")
            self.check_complete(workspace, memory, "restart")
        finally:
            self.stop(follower, signal.SIGKILL)
            receiver.close()
        workspace.remove()

    def gone(self, chance) -> None:
        """410 disables the hook; a reset lets it go on with everything that it missed."""
        receiver = WebhookReceiver(SECRET)
        workspace, tree = self.hooked("gone", chance, receiver)
        self.check_ends(workspace.sync(), (0,), "first sync")
        before = len(receiver.memory.events)
        receiver.behaviour = "gone"
        self.change(workspace, tree)
        workspace.sync()
        requests = receiver.memory.requests
        self.change(workspace, tree)
        workspace.sync()
        self.check(receiver.memory.requests == requests, "a receiver that is gone was called again")
        state = workspace.call("events", "consumers", "--json").lines()[0]
        self.check(state["state"] == "disabled", f"after 410: {state}")
        receiver.behaviour = "ok"
        workspace.call("events", "consumers", "reset", "webhook:ops", "--to", str(before))
        self.deliver(workspace)
        self.check_complete(workspace, receiver.memory, "gone")
        receiver.close()
        workspace.remove()

    def redirected(self, chance) -> None:
        """A redirect is not followed: the other host gets nothing."""
        other = WebhookReceiver(SECRET)
        receiver = WebhookReceiver(SECRET, elsewhere=other.url)
        workspace, _ = self.hooked("redirect", chance, receiver)
        receiver.behaviour = "redirect"
        self.check_ends(workspace.sync(), (0,), "a sync with a redirecting receiver")
        self.check(other.memory.requests == 0, "the body was carried to another host")
        receiver.behaviour = "ok"
        self.deliver(workspace)
        self.check_complete(workspace, receiver.memory, "redirect")
        receiver.close()
        other.close()
        workspace.remove()

    def untrusted(self, chance) -> None:
        receiver = WebhookReceiver(SECRET)
        workspace = self.workspace("untrusted")
        workspace.configure(more=f"webhooks:\n  - {{ name: ops, url: '{receiver.url}' }}\n")
        Tree(workspace.docs, chance).create(3)
        outcome = workspace.sync()
        self.check_ends(outcome, (1, 64), "an untrusted webhook")
        self.check("trust" in outcome.errors, f"the remedy is not named: {outcome.last_error}")
        self.check(receiver.memory.requests == 0, "an untrusted address was called")
        workspace.configure(more="webhooks:\n  - { name: ops, url: 'http://metadata.localdomain/' , timeout: 500ms }\n")
        self.check_ends(workspace.sync("--trust"), (0,), "a receiver that cannot be reached")
        receiver.close()
        workspace.remove()

    # Freshet

    def start(self, workspace: Workspace, *arguments: str) -> subprocess.Popen:
        environment = os.environ | {key: value for key, value in workspace.environment.items() if value is not None}
        return subprocess.Popen([self.options.binary, *arguments], cwd=workspace.folder, env=environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    @staticmethod
    def stop(process: subprocess.Popen, number: int) -> int:
        if process.poll() is None:
            process.send_signal(number)
        return process.wait(30)

    def wait_for(self, workspace: Workspace, memory: Memory, seconds: float = 60) -> None:
        last = self.log(workspace)[-1]["sequence"]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            positions = workspace.call("events", "consumers", "--json").lines()
            if positions and positions[0]["sequence"] == last:
                return
            time.sleep(0.1)
        self.check(False, f"after {seconds:.0f} s the receiver does not have everything")

    def killed(self, chance, times: int, following: bool) -> None:
        """`events deliver` is killed at random moments, with a receiver that fails at others."""
        label = "kill-follow" if following else "kill-deliver"
        receiver = WebhookReceiver(SECRET)
        workspace, tree = self.hooked(label, chance, receiver, 60, "")
        workspace.environment["FRESHET_EVENTS_DELIVER_WITHIN"] = "0s"
        self.check_ends(workspace.sync(), (0,), "first sync")
        stop = threading.Event()

        def misbehave():
            while not stop.is_set():
                receiver.behaviour = chance.choice(["ok", "ok", "slow", "fail", "lose-answer", "drop"])
                stop.wait(chance.uniform(0.01, 0.1))

        thread = threading.Thread(target=misbehave)
        thread.start()
        try:
            for number in range(times):
                self.change(workspace, tree, 10)
                process = self.start(workspace, "events", "deliver", *(["--follow"] if following else []))
                if following:
                    workspace.sync()
                time.sleep(chance.uniform(0.005, 0.25))
                self.stop(process, signal.SIGKILL)
                if not following:
                    self.check_ends(workspace.sync(), (0,), f"sync after kill {number}")
        finally:
            stop.set()
            thread.join()
        receiver.behaviour = "ok"
        self.deliver(workspace)
        self.check_complete(workspace, receiver.memory, f"{times} kills")
        self.check_verifies(workspace, label)
        receiver.close()
        workspace.remove()

    def killed_in_sync(self, chance, times: int) -> None:
        """The same for the delivery at the end of a sync, also right after the receiver took a batch."""
        receiver = WebhookReceiver(SECRET)
        workspace, tree = self.hooked("kill-sync", chance, receiver, 30)
        self.check_ends(workspace.sync(), (0,), "first sync")
        for number in range(times):
            self.change(workspace, tree)
            receiver.behaviour = chance.choice(["ok", "slow"])
            if number % 2 == 0:
                outcome = workspace.sync(FRESHET_CRASH_POINT=f"events-handed-over:{chance.randint(1, 2)}")
                self.check(outcome.code == -signal.SIGKILL, f"the crash point was not reached: {outcome}")
            else:
                process = self.start(workspace, "sync")
                time.sleep(chance.uniform(0.02, 0.4))
                self.stop(process, signal.SIGKILL)
        receiver.behaviour = "ok"
        self.check_ends(workspace.sync(), (0,), "the last sync")
        self.deliver(workspace)
        self.check_complete(workspace, receiver.memory, f"{times} kills")
        self.check(receiver.memory.duplicates > 0, "a crash after the receiver took a batch made no duplicate")
        self.check_verifies(workspace, "kill-sync")
        receiver.close()
        workspace.remove()

    def storm(self, chance, seconds: float) -> None:
        """Everything at once: syncs, a following delivery that is killed and started again, a receiver that fails, hangs
        and is restarted."""
        receiver = WebhookReceiver(SECRET)
        workspace, tree = self.hooked("storm", chance, receiver, 60)
        port, memory = receiver.port, receiver.memory
        self.check_ends(workspace.sync(seconds=60), (0,), "first sync")
        follower = self.start(workspace, "events", "deliver", "--follow")
        kills = restarts = 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.change(workspace, tree, 10)
            self.check_ends(workspace.sync(seconds=60), (0,), "a sync in the storm")
            choice = chance.randrange(4)
            if choice == 0:
                self.stop(follower, signal.SIGKILL)
                follower = self.start(workspace, "events", "deliver", "--follow")
                kills += 1
            elif choice == 1:
                receiver.close()
                time.sleep(chance.uniform(0, 0.3))
                receiver = WebhookReceiver(SECRET, port, memory)
                restarts += 1
            else:
                receiver.behaviour = chance.choice(["ok", "ok", "slow", "fail", "hang", "lose-answer", "drop"])
        receiver.behaviour = "ok"
        self.stop(follower, signal.SIGKILL)
        self.deliver(workspace)
        self.say(f"storm: Freshet killed {kills} times, receiver restarted {restarts} times")
        self.check_complete(workspace, memory, "storm")
        self.check_verifies(workspace, "storm")
        receiver.close()
        workspace.remove()

    def restored(self, chance) -> None:
        """An older state of the collection is put back: the receiver gets a listing, framed, and then what comes."""
        receiver = WebhookReceiver(SECRET)
        workspace, tree = self.hooked("restored", chance, receiver, 12)
        self.check_ends(workspace.sync(), (0,), "first sync")
        copy = workspace.copy(workspace.folder.parent / "restored-backup")
        self.change(workspace, tree)
        self.check_ends(workspace.sync(), (0,), "second sync")
        position = workspace.call("events", "consumers", "--json").lines()[0]
        # The backup's collection, in which the hook is said to be where it is not.
        subprocess.run(["rm", "-rf", str(workspace.collection)], check=True)
        subprocess.run(["cp", "-a", str(copy.collection), str(workspace.collection)], check=True)
        import sqlite3
        database = sqlite3.connect(workspace.collection / "collection.sqlite")
        database.execute("UPDATE consumer SET sequence = ?, chain = zeroblob(32)", (position["sequence"],))
        database.commit()
        database.close()
        receiver.memory.events.clear()
        self.change(workspace, tree)
        self.check_ends(workspace.sync(), (0,), "a sync of the state that was put back")
        changes = [event["change"] for event in receiver.memory.events]
        self.check("resync_started" in changes and "resync_finished" in changes, f"no listing came: {changes[:5]}")
        # Applying the events to nothing gives the collection's present.
        mirror: dict[str, str] = {}
        for event in receiver.memory.events:
            if event["change"] == "deleted":
                mirror.pop(event["document"], None)
            elif "document" in event:
                mirror[event["document"]] = event["hash"]
        present = {line["document"]: line["hash"] for line in workspace.list()}
        self.check(mirror == present, f"the receiver's mirror has {len(mirror)} documents, the collection {len(present)}")
        receiver.close()
        workspace.remove()
        copy.remove()

    def mail(self, chance) -> None:
        """A run is one message over STARTTLS; what the server did not take comes with the next run."""
        workspace = self.workspace("mail")
        key, certificate = workspace.folder / "key.pem", workspace.folder / "certificate.pem"
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                               "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                              stderr=subprocess.DEVNULL, check=False)
        if made.returncode != 0:
            raise Skipped("openssl makes no certificate")
        script = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "FreshetHTTPTests" / "mail_server.py"
        server = subprocess.Popen([sys.executable, script, certificate, key, "login"], stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline())
            workspace.configure(more=f"mail: {{ server: 'smtp://127.0.0.1:{port}', from: freshet@example.com, "
                                "to: [ops@example.com], user_env: MAIL_USER, password_env: MAIL_WORD, ca_file: certificate.pem }\n"
                                "events: { deliver_within: 10s }\n")
            workspace.environment |= {"MAIL_USER": "ops", "MAIL_WORD": "wrong"}
            self.check_ends(workspace.call("trust"), (0,), "trust")
            tree = Tree(workspace.docs, chance)
            tree.create(5)
            (workspace.docs / "break\nBcc: thief@example.com.md").write_text("# A name\n\nText.\n")
            outcome = workspace.sync()
            self.check_ends(outcome, (0,), "a sync whose mail is refused")
            self.check("password" in outcome.errors, f"the refusal is not told: {outcome.last_error}")
            workspace.environment["MAIL_WORD"] = "secret"
            self.change(workspace, tree)
            self.check_ends(workspace.sync(), (0,), "a sync within the pause")
            self.deliver(workspace)
            taken = json.loads(server.stdout.readline())
            self.check(taken["encrypted"] and taken["to"] == ["ops@example.com"], f"envelope: {taken}")
            message = email.message_from_string(taken["message"], policy=email.policy.default)
            self.check(not message.defects and message["Bcc"] is None, f"header: {message.items()}")
            text = message.get_content()
            told = sum(line.startswith(("created", "modified", "renamed", "deleted")) for line in text.splitlines())
            log = self.log(workspace)
            self.check(told == len(log), f"{told} of {len(log)} changes are told")
            self.figures.append(f"mail: {len(log)} changes in one message, subject {message['Subject']!r}")
        finally:
            server.kill()
        workspace.remove()
