"""The service killed during a storm, started twice at once, started over what a dead one left, ended, and read beside.

What is counted is what crash.py counts: after each kill at most the batch in flight is embedded again.
"""

import collections
import os
import pathlib
import re
import signal
import socket
import statistics
import time

from campaign import Campaign
from documents import Tree, paragraph
from storm_writers import Storm
from watching import Service, check_same

BATCH = 8  # texts that are handed to the embedder at once
AGAIN = BATCH * (os.cpu_count() or 1)  # texts that may be computed again after a kill: each worker's batch in flight
KILLS = 200
KILLS_A_ROUND = 25
POINTS = ("before-commit", "in-commit", "after-commit", "index-delta-written", "index-base-written",
          "index-manifest-replaced", "index-swept")
UNTIL_DEAD_BY_POINT = 4.0  # seconds, after which it is killed wherever it is
STARTS = 100
SECONDS_TO_END = 30.0  # after SIGTERM, with work under way on a busy machine
SECTIONS = 12  # of the document that searches must see whole
UNGUARDED = {"FRESHET_SYNC_MAX_DELETE_RATIO": "1"}


class ServiceCampaign(Campaign):
    name = "service"
    summary = "the service killed 200 times in a storm, started twice at once, stopped, and searched beside"

    def __init__(self, options):
        super().__init__(options)
        self.kills = collections.Counter()
        self.points_hit = collections.Counter()
        self.again: list[int] = []
        self.figures: list[str] = []

    def cases(self):
        rounds = 1 if self.options.quick else KILLS // KILLS_A_ROUND
        for number in range(1, rounds + 1):
            yield f"kills-{number}", lambda chance, number=number: self.killed(chance, f"kills-{number}")
        yield "twice", self.twice
        yield "stale", self.stale
        yield "ended", self.ended
        yield "read", self.read

    def report(self) -> None:
        if self.again:
            how = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
            again = sum(1 for count in self.again if count)
            self.say(f"{self.kills.total()} kills ({how}); after {again} of them something was embedded again: "
                     f"{sum(self.again)} texts in all, {max(self.again)} the most after one (allowed {AGAIN}); died by "
                     f"themselves at {dict(sorted(self.points_hit.items()))}")
        for figure in self.figures:
            self.say(figure)

    def _workspace(self, label: str, **environment: str):
        workspace = self.workspace(label)
        workspace.configure(more=f"embedder: {{ batch: {BATCH} }}\ncheckpoint: {{ documents: 20 }}\n")
        workspace.environment |= UNGUARDED | environment
        return workspace

    # Killed

    def killed(self, chance, label: str) -> None:
        workspace = self._workspace(label)
        writers = Storm(workspace.docs, workspace.folder / "outside", 0, 200, pause=0.004, writers=2)
        writers.start(chance)
        # By text, the run that embedded it last.
        seen: dict[str, int] = {}
        count = 0
        try:
            for number in range(4 if self.options.quick else KILLS_A_ROUND):
                what = f"kill {number + 1}"
                kind = chance.choice(("moment", "moment", "early", "named point"))
                self.kills[kind] += 1
                service = self._die(workspace, chance, kind, what)
                texts = workspace.embedded_texts()[count:]
                count += len(texts)
                self._count_again(seen, texts, f"{what} ({kind})")
                self.check(len(texts) == len(set(texts)), f"{what} ({kind}): a text embedded twice in one run")
                seen.update(dict.fromkeys(texts, number))
                orphans = service.running.orphans()
                self.check(not orphans, f"{what} ({kind}): {len(orphans)} helper processes outlived the service")
                if number % 5 == 0 and (workspace.collection / "collection.sqlite").exists():
                    answer = workspace.search("journal snapshot")
                    # Before the first commit there is nothing that could be searched.
                    self.check(answer.code == 0 or not seen and answer.code == 10,
                               f"{what} ({kind}): a search beside the dead service: {answer}")
        finally:
            done = writers.finish()
        service = Service(workspace)
        self.check(service.ready(), "it does not come up after the kills")
        self.check(service.quiet(), "it is not quiet after the kills")
        check_same(self, service, "after the kills")
        texts = workspace.embedded_texts()[count:]
        self._count_again(seen, texts, "after the kills")
        outcome = service.stop()
        self.check_ends(outcome, (0, 130), "stopped after the kills")
        if self.failed > self._failed_before:
            self.say(f"{label}: the service said: {outcome.errors[-3000:]}")
        self.say(f"{label}: {done.total():,} operations, {len(workspace.list())} documents, {count + len(texts)} texts "
                 f"embedded")
        self.discard(workspace)

    def _count_again(self, seen: dict[str, int], texts: list[str], what: str) -> None:
        """Judges what each kill cost: a run may make up for several, where one was killed before it had made up for the last."""
        lost = collections.Counter(seen[text] for text in texts if text in seen)
        self.again.append(max(lost.values(), default=0))
        self.check(self.again[-1] <= AGAIN, f"{what}: {self.again[-1]} texts of one kill embedded again")

    def _die(self, workspace, chance, kind: str, what: str) -> Service:
        """A service that is killed: soon, at some moment, or at a point that the sources name."""
        environment = {}
        if kind == "named point":
            point = chance.choice(POINTS)
            environment["FRESHET_CRASH_POINT"] = f"{point}:{chance.choice((1, 1, 2, 4, 9))}"
        elif chance.random() < 0.4:
            environment["FRESHET_HASH_EMBEDDER_DELAY_US"] = "3000"  # so that the embedding is hit
        service = Service(workspace, **environment)
        if kind == "moment":
            service.ready()
        wait = {"moment": chance.uniform(0, 1.5), "early": chance.uniform(0, 0.3), "named point": UNTIL_DEAD_BY_POINT}[kind]
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and not service.has_ended():
            time.sleep(0.002)
        if kind == "named point" and service.has_ended():
            self.points_hit[point] += 1
        service.signal(signal.SIGKILL)
        outcome = service.wait()
        self.check(outcome.code == -9, f"{what}: it ended before it was killed: {outcome}")
        return service

    # Started twice

    def twice(self, chance) -> None:
        workspace = self._workspace("twice")
        Tree(workspace.docs, chance, paragraphs=(1, 2)).create(20)
        outcomes = collections.Counter()
        ways = collections.Counter()
        lingering = 0
        for number in range(6 if self.options.quick else STARTS):
            what = f"start {number + 1}"
            calls = [workspace.start("start", "--json")]
            if chance.random() < 0.5:
                time.sleep(chance.uniform(0, 0.15))
            calls.append(workspace.start("start", "--json"))
            ended = [call.wait() for call in calls]
            codes = sorted(outcome.code for outcome in ended)
            outcomes[tuple(codes)] += 1
            self.check(codes == [0, 11], f"{what}: ended with {codes}: {[str(outcome) for outcome in ended]}")
            pids = services(workspace)
            if len(pids) > 1:
                # The process of the start that came second ends with 11 in a moment: so that nothing is left of it, `start`
                # should have waited for that.
                lingering += 1
                deadline = time.monotonic() + SECONDS_TO_END
                while len(pids) > 1 and time.monotonic() < deadline:
                    time.sleep(0.01)
                    pids = services(workspace)
            if not self.check(len(pids) == 1, f"{what}: {len(pids)} services run"):
                continue
            for outcome in ended:
                said = outcome.errors + outcome.output
                self.check(str(pids[0]) in said, f"{what}: exit {outcome.code} does not name process {pids[0]}: {said[:200]}")
            status = workspace.status()
            self.check((status.get("daemon") or {}).get("pid") == pids[0], f"{what}: status shows {status.get('daemon')}")
            if number % 10 == 0:
                self.check_ends(workspace.call("watch"), (11,), f"{what}: watch beside the service")
            way = chance.choice(("stop", "SIGTERM", "SIGKILL"))
            ways[way] += 1
            self._end(workspace, pids[0], way, what)
        self.figures.append(f"two starts at once: {', '.join(f'{count} × {list(codes)}' for codes, count in outcomes.items())}; "
                            f"{lingering} times the second one's process was still there; ended by {', '.join(f'{way} {count}' for way, count in sorted(ways.items()))}")
        self.check_in_step(workspace, "after the starts")
        self.discard(workspace)

    def _end(self, workspace, pid: int, way: str, what: str) -> None:
        if way == "stop":
            self.check_ends(workspace.call("stop"), (0,), f"{what}: stop")
        else:
            os.kill(pid, signal.SIGKILL if way == "SIGKILL" else signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_END
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.005)
        self.check(not is_alive(pid), f"{what}: it lives on after {way}")

    # What dead ones leave

    def stale(self, chance) -> None:
        workspace = self._workspace("stale")
        Tree(workspace.docs, chance, paragraphs=(1, 2)).create(5)
        self.check_ends(workspace.sync(), (0,), "first sync")
        lock, control = workspace.collection / "lock", workspace.collection / "control.socket"
        gone = os.fork()
        if gone == 0:
            os._exit(0)
        os.waitpid(gone, 0)

        def dead_socket() -> None:
            # Bound and closed: what a killed service leaves.
            made = socket.socket(socket.AF_UNIX)
            made.bind(os.path.relpath(control))
            made.close()

        cases = {
            "the number of a process that is gone": lambda: lock.write_text(f"{gone}\n"),
            "the number of another program's process": lambda: lock.write_text(f"{os.getpid()}\n"),
            "no number": lambda: lock.write_text(""),
            "something else": lambda: lock.write_bytes(b"\xff\x00 what is this"),
            "no lock": lambda: lock.unlink(missing_ok=True),
            "a dead socket": dead_socket,
            "a file where the socket is made": lambda: control.write_text("no socket"),
        }
        for name, leave in cases.items():
            control.unlink(missing_ok=True)
            leave()
            outcome = workspace.call("start", "--json")
            self.check_ends(outcome, (0,), f"left behind: {name}")
            pids = services(workspace)
            self.check(len(pids) == 1 and outcome.value().get("pid") == pids[0], f"left behind: {name}: {pids} run")
            self.check(lock.read_text().strip().startswith(str(pids[0]) if pids else "-"),
                       f"left behind: {name}: the lock says {lock.read_bytes()[:40]!r}")
            self.check_ends(workspace.call("stop"), (0,), f"left behind: {name}: stop")
        self.check_ends(workspace.call("stop"), (0,), "stop where nothing runs")
        self.discard(workspace)

    # Ended

    def ended(self, chance) -> None:
        """SIGTERM and SIGINT in the middle of work: what is under way is committed, in time, and nothing is done twice."""
        workspace = self._workspace("ended", FRESHET_HASH_EMBEDDER_DELAY_US="500")
        writers = Storm(workspace.docs, workspace.folder / "outside", 0, 300, pause=0.002, writers=2)
        writers.start(chance)
        took, count, again = [], 0, 0
        seen: set[str] = set()
        try:
            for number in range(3 if self.options.quick else 20):
                service = Service(workspace)
                service.ready()
                time.sleep(chance.uniform(0, 1.5))
                begin = time.monotonic()
                service.signal(chance.choice((signal.SIGTERM, signal.SIGINT)))
                outcome = service.wait(SECONDS_TO_END + 30)
                took.append(time.monotonic() - begin)
                self.check(outcome.code in (0, 130) and not outcome.crashed, f"end {number + 1}: {outcome}")
                self.check(not services(workspace), f"end {number + 1}: a service is left")
                orphans = service.running.orphans()
                self.check(not orphans, f"end {number + 1}: {len(orphans)} helper processes outlived the service")
                texts = workspace.embedded_texts()[count:]
                count += len(texts)
                again += sum(text in seen for text in texts)
                seen.update(texts)
        finally:
            writers.finish()
        self.check(max(took) <= SECONDS_TO_END, f"it took {max(took):.1f} s to end")
        self.figures.append(f"{len(took)} ends by SIGTERM or SIGINT in the middle of work: median "
                            f"{statistics.median(took):.2f} s, most {max(took):.2f} s")
        self.check(again == 0, f"{again} texts were embedded again after ends in good order")
        workspace.environment.pop("FRESHET_HASH_EMBEDDER_DELAY_US")
        service = Service(workspace)
        self.check(service.ready() and service.quiet(), "it does not become quiet")
        check_same(self, service, "after the ends")
        self.check_ends(service.stop(), (0, 130), "the last end")
        self.discard(workspace)

    # Read beside

    def read(self, chance) -> None:
        """A document changes as a whole, again and again: a search sees one state of it, and never an older one than before."""
        workspace = self._workspace("read", FRESHET_HISTORY_KEEP_LAST="3")
        writers = Storm(workspace.docs / "storm", workspace.folder / "outside", 0, 150, pause=0.01, writers=2)
        file = workspace.docs / "flip.md"
        write_generation(file, 0, chance)
        service = Service(workspace)
        self.check(service.ready() and service.quiet(), "it does not become quiet")
        writers.start(chance)
        generation, last_seen, last_sequence, seconds, states = 0, 0, 0, [], set()
        try:
            for number in range(15 if self.options.quick else 300):
                if number % 2 == 0:
                    generation += 1
                    write_generation(file, generation, chance)
                mode = chance.choice(("keyword", "keyword", "hybrid"))
                answer = workspace.search("flipmark", "--mode", mode, "-k", "40", "--filter", "origin = flip.md")
                seconds.append(answer.seconds)
                if not self.check(answer.code == 0, f"search {number + 1}: {answer}"):
                    continue
                value = answer.value()
                found = [int(word) for hit in value["hits"] for word in re.findall(r"generation(\d+)x", hit["text"])]
                self.check(len(set(found)) == 1 and len(found) == SECTIONS,
                           f"search {number + 1} ({mode}): {len(found)} sections of generations {sorted(set(found))}")
                if found:
                    self.check(min(found) >= last_seen, f"search {number + 1}: generation {min(found)} after {last_seen}")
                    last_seen = max(found)
                self.check(value["sequence"] >= last_sequence, f"search {number + 1}: sequence {value['sequence']} after {last_sequence}")
                last_sequence = value["sequence"]
                states.add(last_sequence)
        finally:
            writers.finish()
        self.check(service.quiet(), "it is not quiet after the storm")
        check_same(self, service, "after the searches")
        self.check_ends(service.stop(), (0, 130), "stopped after the searches")
        self.check(last_seen > 0, "no search saw a change")
        self.figures.append(f"{len(seconds)} searches beside the service at {len(states)} states, {generation} generations: median "
                            f"{statistics.median(seconds) * 1000:.0f} ms, most {max(seconds) * 1000:.0f} ms a process")
        self.discard(workspace)


def write_generation(file: pathlib.Path, generation: int, chance) -> None:
    sections = [f"## Section {number}\n\nflipmark generation{generation}x. {' '.join(paragraph(chance) for _ in range(2))}"
                for number in range(SECTIONS)]
    temporary = file.with_suffix(".tmp")
    temporary.write_text("# Flip\n\n" + "\n\n".join(sections) + "\n")
    temporary.rename(file)


def services(workspace) -> list[int]:
    """The processes that are services of the collection."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            words = pathlib.Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
            if b"watch" in words and os.readlink(f"/proc/{entry}/cwd") == str(workspace.folder) and is_alive(int(entry)):
                found.append(int(entry))
        except OSError:
            continue
    return sorted(found)


def is_alive(pid: int) -> bool:
    try:
        return pathlib.Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
