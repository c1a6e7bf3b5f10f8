"""A service beside a campaign: started with the limits that a case wants, asked how it is, waited for, compared."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from campaign import Campaign, Skipped
from freshet import Outcome, Running, State, Workspace

UNTIL_READY = 60.0  # seconds
UNTIL_QUIET = 300.0
UNTIL_ENDED = 60.0
LATER = 90.0  # seconds after it seems quiet, in which a difference may still go away
REST_OF_EVENTS = 1.5  # quiet for so long
REST_OF_POLLING = 9.0  # two passes, and two more for what came and went
QUEUE_LIMIT = pathlib.Path("/proc/sys/fs/inotify/max_queued_events")
SAID = ("working", "queue", "last_change", "held", "unavailable", "watch", "error")  # of a status, where something is wrong
QUERIES = ("journal", "snapshot recovery", "watcher queue", "token schedule vendor", "kernel mount inode", "cursor")


class Service:
    """`freshet watch` in the foreground of its own process, which is one call for the campaign."""

    def __init__(self, workspace: Workspace, limits: dict[str, int] | None = None, **environment: str):
        self.workspace = workspace
        command = [workspace.binary, "watch"]
        if limits:
            command = limited(limits) + command
        self.running = Running(command, workspace.variables(**environment), workspace.folder)
        self.pid = self.running.process.pid
        self._outcome: Outcome | None = None

    def has_ended(self) -> bool:
        return self.running.has_ended()

    def status(self) -> dict:
        """What the service says of itself; empty when it does not run, or is another one."""
        daemon = self.workspace.status().get("daemon") or {}
        return daemon if daemon.get("running") and daemon.get("pid") == self.pid else {}

    def mode(self) -> str:
        return ",".join(sorted({watched["mode"] for watched in self.status().get("watch", [])}))

    def ready(self, seconds: float = UNTIL_READY) -> dict:
        """Waits until it watches; what it says then, or nothing when it ended or took too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.has_ended():
            status = self.status()
            if status.get("watch"):
                return status
            time.sleep(0.02)
        return {}

    def quiet(self, seconds: float = UNTIL_QUIET, rest: float | None = None) -> dict:
        """Waits until it has nothing to do for a while; the last status, or nothing when that takes too long."""
        deadline = time.monotonic() + seconds
        since, before = None, None
        while time.monotonic() < deadline and not self.has_ended():
            status = self.status()
            watch = status.get("watch", [])
            busy = (not status or status.get("working") or status.get("queue") or status.get("error")
                    or any(watched.get("unsettled") for watched in watch))
            mark = (status.get("last_change"), sum(watched.get("overflows", 0) for watched in watch))
            if busy or mark != before:
                since, before = time.monotonic(), mark
            wanted = rest if rest is not None else rest_of(watch)
            if not busy and time.monotonic() - since >= wanted:
                return status
            time.sleep(0.1)
        return {}

    def signal(self, number: int) -> None:
        self.running.kill(number)

    @contextlib.contextmanager
    def suspended(self):
        """It reads no events while the block runs, as on a machine that is far too busy: what does not fit the queue is lost."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def wait(self, seconds: float = UNTIL_ENDED) -> Outcome:
        if self._outcome is None:
            self._outcome = self.running.wait(seconds)
        return self._outcome

    def stop(self, seconds: float = UNTIL_ENDED) -> Outcome:
        """Ends it as a service manager does."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def processor_seconds(self) -> float:
        fields = pathlib.Path("/proc", str(self.pid), "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self, kind: str = "VmRSS") -> int:
        """Of its memory: all that is resident; `RssAnon` is what maps no file, and so is its own."""
        text = pathlib.Path("/proc", str(self.pid), "status").read_text()
        found = re.search(rf"^{kind}:\s+(\d+) kB", text, re.M)
        return int(found[1]) * 1024 if found else 0


def rest_of(watch: list[dict]) -> float:
    return REST_OF_EVENTS if all(watched.get("mode") == "events" for watched in watch) else REST_OF_POLLING


def polling(workspace: Workspace, **environment: str) -> Service:
    """A service that polls: since the configuration says so, else since the system gives it no queue."""
    service = Service(workspace, FRESHET_WATCH_METHOD="polling", **environment)
    service.ready()
    if service.mode() == "polling":
        return service
    service.stop()
    service = Service(workspace, {"max_inotify_instances": 0}, **environment)
    service.ready()
    if service.mode() != "polling":
        service.stop()
        raise Skipped(f"the service cannot be made to poll here (it watches by {service.mode() or 'nothing'})")
    return service


def limited(limits: dict[str, int]) -> list[str]:
    """What to put before a command so that it runs with other limits of the user's, in a name space of its own: nobody
    else feels them, and they are gone with it."""
    if not shutil.which("unshare"):
        raise Skipped("there is no unshare, so that a limit would be everybody's")
    sets = "; ".join(f"echo {value} > /proc/sys/user/{name} || exit 97" for name, value in limits.items())
    prefix = ["unshare", "--user", "--map-root-user", "sh", "-c", f'{sets}; exec "$@"', "sh"]
    done = subprocess.run([*prefix, "true"], capture_output=True, text=True)
    if done.returncode:
        raise Skipped(f"a user's limits cannot be set here ({done.stderr.strip() or 'no permission'})")
    return prefix


@contextlib.contextmanager
def short_queue(events: int):
    """New queues hold so many events while the block runs. It is everybody's setting: keep the block short."""
    before = QUEUE_LIMIT.read_text().strip() if QUEUE_LIMIT.exists() else ""
    try:
        QUEUE_LIMIT.write_text(f"{events}\n")
    except OSError as error:
        raise Skipped(f"fs.inotify.max_queued_events cannot be lowered here ({error.strerror})") from None
    # An end by a signal puts it back as well.
    handler = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        QUEUE_LIMIT.write_text(f"{before}\n")
        signal.signal(signal.SIGTERM, handler)


# What a collection holds


@dataclasses.dataclass
class Fresh:
    """What a first sync of the tree makes, with what searches find in it."""

    state: State
    found: dict

    @classmethod
    def of(cls, workspace: Workspace) -> "Fresh":
        folder = workspace.folder.parent / f"{workspace.folder.name}-fresh"
        shutil.rmtree(folder, ignore_errors=True)
        elsewhere = {"FRESHET_COLLECTION": str(folder), "FRESHET_HASH_EMBEDDER_LOG": None}
        try:
            outcome = workspace.sync(seconds=900, **elsewhere)
            state = workspace.state(**elsewhere)
            state.code = outcome.code
            return cls(state, found(workspace, **elsewhere))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def found(workspace: Workspace, **environment: str) -> dict:
    """What searches find: the texts with their scores. Equal scores at the end of the list may stand for others."""
    answers = {}
    for query in QUERIES:
        for mode in ("keyword", "vector"):
            hits = workspace.search(query, "--mode", mode, "-k", "20", **environment).value().get("hits")
            if hits is None:
                answers[query, mode] = None
                continue
            last = hits[-1]["score"] if hits else 0
            # A text in several documents is one hit, named after any of them.
            answers[query, mode] = sorted(
                (round(hit["score"], 5), hit["text"] if hit["score"] - last > 1e-5 else "") for hit in hits)
    return answers


def check_same(campaign: Campaign, service: Service, what: str, held: bool = False) -> float:
    """The service's collection is what a first sync of the tree makes: documents, texts, chunks, vectors, and what searches
    find. Answers how many seconds after it seemed quiet that was so.

    With `held` what is left over must be the deletions that the status says are held."""
    workspace = service.workspace
    begin = time.monotonic()
    expected = Fresh.of(workspace)
    campaign.check(expected.state.code == 0, f"{what}: a first sync ended with {expected.state.code}")
    campaign.check(expected.state.documents, f"{what}: a first sync made nothing")
    seen = 0.0
    while True:
        state = workspace.state()
        differences = _without_left_over(state, expected.state) if held else state.differences(expected.state)
        seconds = time.monotonic() - begin
        if not differences or seconds > LATER or service.has_ended():
            break
        seen = seconds
        time.sleep(1)
    if not campaign.check(not differences, f"{what}: not what a first sync makes: {'; '.join(differences)}"):
        status = service.status()
        campaign.say(f"{what}: the service says: {({key: status.get(key) for key in SAID})}")
    if held:
        left = len(state.documents.keys() - expected.state.documents.keys())
        counted = sum(one["count"] for one in service.status().get("held", []))
        campaign.check(left == counted, f"{what}: {left} documents are left over, {counted} deletions are held")
        return seen
    campaign.check_verifies(workspace, what)
    answers = found(workspace)
    other = [key for key, value in expected.found.items() if value is None or answers[key] != value]
    campaign.check(not other, f"{what}: {len(other)} searches find something else, such as {other[:1]}")
    return seen


def _without_left_over(state: State, expected: State) -> list[str]:
    kept = {key: value for key, value in state.documents.items() if key in expected.documents}
    chunks = type(state.chunks)({key: count for key, count in state.chunks.items() if key[:2] in expected.documents})
    return State(kept, state.duplicates, chunks, state.versions).differences(expected)


# What was recorded


def database(workspace: Workspace) -> sqlite3.Connection:
    """The collection's database for reading, beside whoever writes it."""
    return sqlite3.connect(f"file:{workspace.collection / 'collection.sqlite'}?mode=ro", uri=True, timeout=30)


def recorded(workspace: Workspace, like: str = "%"):
    """Every version with its content, uncompressed (`history.compression: none`): origin, number, kind, content."""
    with contextlib.closing(database(workspace)) as connection:
        yield from connection.execute(
            "SELECT v.origin, v.number, v.kind, c.data FROM version v LEFT JOIN content c ON c.hash = v.content_hash "
            "WHERE v.kind != 'deleted' AND v.origin LIKE ? ORDER BY v.origin, v.number", (like,))
