"""Very many changes at full speed by several processes, then quiet: the collection is what a first sync would make.

The system's queue overflows meanwhile: a service that reads a short queue cannot keep up. What may then not happen is that
anything stays lost, whatever came in which order.
"""

import collections
import contextlib
import itertools
import os
import pathlib
import time

from campaign import Campaign
from storm_writers import MARK, Storm as Writers, is_whole
from watching import Service, check_same, polling, recorded, short_queue

OPERATIONS = 200_000
SEEDS = 20  # by events; a fifth of that by polling
FILES = 2_500
SHORT_QUEUE = 1_024  # events; the system's own limit is 16,384
REST_UNTIL_COUNTED = 10.0  # seconds without a change, after which deletions that are held have been counted
UNGUARDED = {"FRESHET_SYNC_MAX_DELETE_RATIO": "1"}


class Storm(Campaign):
    name = "storm"
    summary = "200,000 changes at full speed by several processes, lost events included: then nothing is missed"

    def __init__(self, options):
        super().__init__(options)
        self.rows: list[str] = []
        self.totals = collections.Counter()

    def cases(self):
        if self.options.quick:
            yield "events-1", lambda chance: self.storm(chance, "events-1", 5_000, 250, guard=False, queue=64)
            yield "polling-1", lambda chance: self.storm(chance, "polling-1", 1_500, 120, guard=True, polls=True)
            return
        for number in range(1, SEEDS + 1):
            label = f"events-{number:02}"
            yield label, lambda chance, label=label, number=number: self.storm(
                chance, label, OPERATIONS, FILES, guard=number % 2 == 0, queue=SHORT_QUEUE if number % 4 < 2 else 0)
        for number in range(1, SEEDS // 5 + 1):
            label = f"polling-{number:02}"
            yield label, lambda chance, label=label, number=number: self.storm(
                chance, label, OPERATIONS, FILES, guard=number % 2 == 0, polls=True)

    def report(self) -> None:
        for row in self.rows:
            print(f"  {row}")
        self.say(f"{self.totals['operations']:,} operations, {self.totals['overflows']} overflows, "
                 f"{self.totals['versions']:,} versions, {self.totals['torn']} of them half-written")

    def storm(self, chance, label: str, operations: int, files: int, guard: bool, queue: int = 0, polls=False) -> None:
        workspace = self.workspace(label)
        workspace.environment |= {"FRESHET_HISTORY_COMPRESSION": "none"} | ({} if guard else UNGUARDED)
        with short_queue(queue) if queue else contextlib.nullcontext():
            service = polling(workspace) if polls else Service(workspace)
            if not self.check(service.ready(), "the service does not come up"):
                return
        try:
            self._storm(chance, label, service, operations, files, guard, queue, polls)
        finally:
            service.running.kill()
            service.wait()
        self.discard(workspace)

    def _storm(self, chance, label, service, operations, files, guard, queue, polls) -> None:
        workspace = service.workspace
        writers = Writers(workspace.docs, workspace.folder / "outside", operations, files)
        writers.start(chance)
        if queue:
            overflow(service, queue)
        while not writers.is_over():
            if not self.check(not service.has_ended(), "the service ended during the storm"):
                writers.finish()
                self.say(f"{label}: {service.wait().errors[-2000:]}")
                return
            time.sleep(0.05)
        done = writers.finish()
        if guard:
            # Only what is in the collection can be held.
            self.check(service.quiet(), "it is not quiet before most of the tree is taken away")
            take_away(workspace.docs, workspace.folder / "outside")
        began = time.monotonic()
        status = service.quiet()
        quiet = time.monotonic() - began
        self.check(status, f"it is not quiet {quiet:.0f} s after the storm: {service.status()}")
        lost = sum(watched["overflows"] for watched in status.get("watch", []))
        self.check(lost or not queue, "the queue did not overflow")
        seconds, memory = service.processor_seconds(), service.running._peak
        if status.get("held"):
            # They are counted once nothing happened for a while.
            status = service.quiet(rest=REST_UNTIL_COUNTED)
        held, late = sum(one["count"] for one in status.get("held", [])), 0.0
        if not guard:
            self.check(not held, f"deletions are said to be held: {status.get('held')}")
        else:
            self.check(held, f"nothing is held though most of the tree went: {status.get('held')}")
            late = check_same(self, service, "with deletions held", held=True)
            service = self._accept(service, polls)
        late = max(late, check_same(self, service, "after the storm"))
        versions = torn = 0
        for origin, number, kind, content in recorded(workspace):
            versions += 1
            if content is None or not is_whole(content):
                torn += 1
                if torn <= 3:
                    self.say(f"{label}: half-written: {origin}, version {number} ({kind}), "
                             f"{len(content) if content is not None else 'no'} bytes, marks {marks(content or b'')}")
        texts = workspace.embedded_texts()
        self.check(len(texts) == len(set(texts)), f"{len(texts) - len(set(texts))} texts were embedded twice")
        outcome = service.stop()
        self.check(outcome.code in (0, 130) and not outcome.crashed, f"the service ended badly: {outcome}")
        self.totals.update(operations=done.total(), overflows=lost, versions=versions, torn=torn)
        mode = "polling" if polls else "events"
        row = (f"{label}: guard {'on' if guard else 'off'}, {mode}: {done.total():,} operations in {writers.seconds:.1f} s, "
               f"{lost} overflows; quiet after {quiet:.1f} s{f', in step {late:.0f} s later' if late else ''}; "
               f"{len(workspace.list())} documents, {versions:,} versions, {torn} half-written; {held} held; "
               f"{seconds:.1f} CPU s, {memory >> 20} MiB; load {os.getloadavg()[0]:.1f}")
        self.rows.append(row)
        self.say(row)

    def _accept(self, service: Service, polls: bool) -> Service:
        """Lets the deletions go that are held: the service does it when it is asked, else a sync beside it."""
        workspace = service.workspace
        outcome = workspace.sync("--allow-mass-delete", seconds=300)
        if outcome.code == 11:
            self.check_ends(service.stop(), (0, 130), "the service is stopped")
            self.check_ends(workspace.sync("--allow-mass-delete", seconds=300), (0,), "deletions are accepted")
            service = polling(workspace) if polls else Service(workspace)
            self.check(service.ready(), "the service does not come up again")
        else:
            self.check_ends(outcome, (0,), "deletions are accepted by the service")
        self.check(service.quiet(), "it is not quiet after the deletions were accepted")
        return service


def overflow(service: Service, queue: int) -> None:
    """Makes the queue overflow within the storm, however fast the service reads it otherwise."""
    with service.suspended():
        for number in range(queue):
            path = service.workspace.docs / f"overflow-{number}.md"
            path.touch()
            path.unlink()


def take_away(root: pathlib.Path, outside: pathlib.Path) -> None:
    """Moves most of a tree out, folder by folder and file by file."""
    for number, path in enumerate(sorted(root.iterdir())):
        if number % 4:
            path.rename(outside / f"away-{path.name}")


def marks(content: bytes) -> list[str]:
    """The marks of a content, each with how often it stands there in a row."""
    return [f"{len(list(group))} × {mark.decode()}" for mark, group in itertools.groupby(MARK.findall(content))]
