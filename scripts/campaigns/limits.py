"""The system's limits of watching, set low: what is said, what is done instead, and that nothing is missed.

Limits of a user's watches and queues are set in a name space of the service's own, so that nobody else meets them; they end
with it. The length of queues is everybody's, and put back at once.
"""

import contextlib
import shutil
import subprocess
import time

from campaign import Campaign, Skipped
from documents import Tree, paragraph
from watching import Service, check_same, short_queue

FOLDERS = 60
WATCHES = 20
SECONDS_TO_TRY_AGAIN = 75.0  # a minute, and what it takes


class Limits(Campaign):
    name = "limits"
    summary = "too few watches, no queue, a short queue: the message, the fallback, nothing missed"

    def cases(self):
        yield "watches", self.watches
        if not self.options.quick:
            yield "queues", self.queues
        yield "events", self.events
        if not self.options.quick:
            yield "raised", self.raised

    def report(self) -> None:
        pass

    def _started(self, chance, label: str, limits: dict[str, int] | None) -> tuple[Service, Tree]:
        workspace = self.workspace(label)
        workspace.environment |= {"FRESHET_SYNC_MAX_DELETE_RATIO": "1"}
        tree = Tree(workspace.docs, chance, paragraphs=(1, 2))
        for number in range(FOLDERS):
            tree.create(2, f"part-{number:02d}/")
        service = Service(workspace, limits)
        self.check(service.ready() and service.quiet(), f"{label}: the service does not come up")
        return service, tree

    def _changes(self, chance, service: Service, tree: Tree, what: str, unread: bool = False) -> None:
        """Everything that can happen, in folders that are watched and in such that are not; `unread` while the service
        reads no events, so that what its queue does not hold is lost."""
        for _ in range(1 if self.options.quick else 2):
            with service.suspended() if unread else contextlib.nullcontext():
                self._change(chance, service, tree)
            self.check(service.quiet(), f"{what}: it is not quiet")
        late = check_same(self, service, what)
        self.say(f"{what}: in step{f', {late:.0f} s after it seemed quiet' if late else ''}")

    def _change(self, chance, service: Service, tree: Tree) -> None:
        tree.begin_step()
        tree.edit(25)
        tree.rename(8)
        tree.delete(8)
        tree.create(10)
        deep = service.workspace.docs / f"new-{chance.randrange(10**6)}" / "deep"
        deep.mkdir(parents=True)
        (deep / "first.md").write_text(f"# First\n\n{paragraph(chance)}\n")
        part = chance.choice([folder for folder in sorted(service.workspace.docs.iterdir())
                              if folder.name.startswith("part-")])
        part.rename(part.with_name(f"renamed-{part.name}"))
        tree.versions = {path: version for path, version in tree.versions.items() if not path.startswith(part.name + "/")}

    def _said(self, service: Service, what: str, *words: str) -> str:
        """Ends the service; what it said names the setting."""
        outcome = service.stop()
        self.check_ends(outcome, (0, 130), f"{what}: stopped")
        lines = [line for line in outcome.errors.splitlines() if words[0] in line]
        self.check(lines, f"{what}: nothing names {words[0]}: {outcome.errors[-600:]!r}")
        for word in words[1:]:
            self.check(any(word in line for line in lines), f"{what}: no {word!r} in {lines[:1]}")
        self.check(len(lines) <= 3, f"{what}: said {len(lines)} times")
        if lines:
            self.say(f"{what}: {lines[0][:330]}")
        self.discard(service.workspace)
        return outcome.errors

    def watches(self, chance) -> None:
        service, tree = self._started(chance, "watches", {"max_inotify_watches": WATCHES})
        watch = service.status()["watch"][0]
        self.check(watch["mode"] == "mixed" and 0 < watch["folders"] <= WATCHES, f"watched as {watch}")
        self._changes(chance, service, tree, f"{WATCHES} watches for {FOLDERS} folders")
        self._said(service, "too few watches", "fs.inotify.max_user_watches", "sysctl -w", "listed every")

    def queues(self, chance) -> None:
        service, tree = self._started(chance, "queues", {"max_inotify_instances": 0})
        self.check(service.mode() == "polling", f"watched by {service.mode()}")
        self._changes(chance, service, tree, "no queue")
        self._said(service, "no queue", "fs.inotify.max_user_instances", "sysctl -w", "listed every")

    def events(self, chance) -> None:
        with short_queue(16):
            service, tree = self._started(chance, "events", None)
        self._changes(chance, service, tree, "a queue of 16 events", unread=True)
        self.check(service.status()["watch"][0]["overflows"], "the queue did not overflow")
        outcome = service.stop()
        self.check("fs.inotify.max_queued_events" in outcome.errors, f"nothing names the setting: {outcome.errors[-400:]!r}")
        self.discard(service.workspace)

    def raised(self, chance) -> None:
        """More watches are allowed while it runs: a minute later all folders are watched."""
        if not shutil.which("nsenter"):
            raise Skipped("there is no nsenter")
        service, tree = self._started(chance, "raised", {"max_inotify_watches": WATCHES})
        self.check(service.mode() == "mixed", f"watched by {service.mode()}")
        done = subprocess.run(["nsenter", "--user", f"--target={service.pid}", "--preserve-credentials", "sh", "-c",
                               "echo 10000 > /proc/sys/user/max_inotify_watches"], capture_output=True, text=True)
        if done.returncode:
            service.stop()
            raise Skipped(f"the limit cannot be raised from outside ({done.stderr.strip()})")
        begin = time.monotonic()
        while service.mode() != "events" and time.monotonic() - begin < SECONDS_TO_TRY_AGAIN:
            time.sleep(1)
        self.check(service.mode() == "events",
                   f"{time.monotonic() - begin:.0f} s after the limit was raised: {service.status()['watch']}")
        self.say(f"all folders are watched {time.monotonic() - begin:.0f} s after the limit was raised")
        self._changes(chance, service, tree, "after the limit was raised")
        self._said(service, "raised", "fs.inotify.max_user_watches")
