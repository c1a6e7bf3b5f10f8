"""SIGKILL at every named point, at every kind of file call and at random moments; then everything must be there, once.

Each step of a scenario changes the sources; then the command runs and is killed, again and again, each time somewhere
else, until it ends by itself. At most the batch in flight may be embedded again; no helper may outlive the command.
"""

import collections
import pathlib
import re
import time

from campaign import Campaign
from documents import Tree, document, paragraph
from faults import FaultLibrary
from freshet import Workspace

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "Sources"
BATCH_IN_FLIGHT = 256  # texts that may be computed again after a kill
BYTES_A_TEXT = 17  # of the embedder's log
MOST_KILLS_A_STEP = 40
MOST_COUNTS_OF_A_POINT = 12
ELSEWHERE = ("gc-", "events-")  # points that the campaigns `retention` and `webhook` die at


def named_points() -> list[str]:
    """The crash points that the sources name."""
    found = set()
    for file in SOURCES.rglob("*.swift"):
        found.update(re.findall(r'\breached\("([a-z][a-z0-9-]*)"\)', file.read_text(errors="replace")))
    return sorted(point for point in found if not point.startswith(ELSEWHERE))


class Crash(Campaign):
    name = "crash"
    summary = "the command killed at every point, then nothing lost, nothing twice"

    def __init__(self, options):
        super().__init__(options)
        self.kills = collections.Counter()
        self.points_hit = collections.Counter()
        self.points = named_points()
        self.totals = collections.Counter()
        self.faults = FaultLibrary(self.folder)
        self._deck: list[tuple[str, int]] = []

    def cases(self):
        rounds, budget = (2, 24) if self.options.quick else (1000, 460)
        for number in range(1, rounds + 1):
            if self.kills.total() >= budget and self.options.case is None:
                break
            yield f"days-{number}", lambda chance, number=number: self.days(chance, f"days-{number}")
        yield "large", self.large
        yield "rebuild", self.rebuild
        yield "gone", self.gone
        yield "points", self.every_point

    def report(self) -> None:
        how = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        self.say(f"{self.kills.total()} kills ({how})")
        self.say(f"named points hit: {dict(sorted(self.points_hit.items()))}")
        self.say(
            f"lost documents {self.totals['lost']}, duplicates {self.totals['duplicates']}, texts embedded again "
            f"{self.totals['again']} (the most after one kill {self.totals['most']}, allowed {BATCH_IN_FLIGHT}), "
            f"helpers left behind {self.totals['orphans']}; index behind the database after {self.totals['behind']} of "
            f"{self.totals['steps']} steps (searches replay the rest)"
        )

    # Scenarios

    def days(self, chance, label: str) -> None:
        """A small collection through every kind of change."""
        workspace = self.workspace(label)
        workspace.configure(more="checkpoint: { documents: 5 }\nembedder: { batch: 8 }\n")
        tree = Tree(workspace.docs, chance)
        steps = [
            ("first sync", lambda: tree.create(30)),
            ("edits", lambda: tree.edit(8)),
            ("renames and copies", lambda: (tree.rename(6), tree.copy(2))),
            ("deletes", lambda: tree.delete(6)),
            ("everything", lambda: (tree.edit(5), tree.rewrite(2), tree.create(4), tree.rename(3), tree.delete(2))),
            ("returns", lambda: (tree.bring_back(4), tree.edit(2))),
            ("another model", lambda: self._change_model(workspace)),
            ("edits under the new model", lambda: (tree.edit(4), tree.create(2), tree.delete(1))),
        ]
        for what, change in steps:
            tree.begin_step()
            change()
            self._killed_until_done(workspace, chance, what)
            expected = self.check_in_step(workspace, what)
            self._count_differences(workspace, expected)
            self._check_versions(workspace, tree, what)
        workspace.remove()
        self.say(f"{label}: {self.kills.total()} kills so far")

    def large(self, chance) -> None:
        """One document of 10,000 chunks, killed in the middle of its embedding, then edited."""
        pieces_wanted = 800 if self.options.quick else 4000
        workspace = self.workspace("large")
        pieces = [f"{number}. " + " ".join(paragraph(chance) for _ in range(4)) for number in range(pieces_wanted)]
        file = workspace.docs / "large.txt"
        file.write_text("\n\n".join(pieces))
        self._killed_until_done(workspace, chance, "first sync", by_progress=pieces_wanted * 2)
        expected = self.check_in_step(workspace, "first sync")
        chunks = expected.chunks.total()
        self.check(chunks >= pieces_wanted * 2, f"the document has {chunks} chunks, too few for what is tested here")
        self.say(f"large: {chunks} chunks in one document")
        for number in chance.sample(range(pieces_wanted), pieces_wanted // 10):
            pieces[number] = paragraph(chance)
        file.write_text("\n\n".join(pieces))
        self._killed_until_done(workspace, chance, "edited", by_progress=pieces_wanted // 4)
        self.check_in_step(workspace, "edited")
        history = [line.get("change") for line in workspace.history("large.txt")]
        self.check(history == ["created", "modified"], f"history of the large document: {history}")
        workspace.remove()

    def rebuild(self, chance) -> None:
        """Killed while the index is updated, built anew, and put back from its backup."""
        workspace = self.workspace("rebuild")
        tree = Tree(workspace.docs, chance)
        tree.create(40)
        self.check_ends(workspace.sync(), (0,), "first sync")
        expected = self.check_in_step(workspace, "first sync")
        embedded = len(workspace.embedded_texts())
        for arguments in (["reindex"], ["reindex", "--backup-restore"]):
            calls = self._file_calls(workspace, *arguments)
            numbers = range(1, calls + 1)
            if self.options.quick:
                numbers = sorted(chance.sample(numbers, min(4, len(numbers))))
            for number in numbers:
                what = f"{' '.join(arguments)} killed at file call {number}"
                outcome = self._run(workspace, what, arguments, "file call", self.faults.environment(
                    workspace.collection, at=number, action="kill"))
                self.check(outcome.code in (-9, 0), f"{what}: {outcome}")
                self.check(workspace.search("snapshot journal").code == 0, f"{what}: a search failed")
            self.check_ends(workspace.call(*arguments), (0,), f"{' '.join(arguments)} after the kills")
            self.check_in_step(workspace, " ".join(arguments), expected)
        self.check(len(workspace.embedded_texts()) == embedded, "building the index anew embedded something")
        workspace.remove()

    def gone(self, chance) -> None:
        """Killed after each commit in turn; before the next run, what was committed is gone from the sources."""
        for what in ("created", "renamed", "edited"):
            for count in (1, 3) if self.options.quick else range(1, 13):
                workspace = self.workspace(f"gone-{what}-{count}")
                workspace.configure(more="checkpoint: { documents: 1 }\n")
                tree = Tree(workspace.docs, chance, paragraphs=(1, 2))
                paths = tree.create(6)
                if what != "created":
                    self.check_ends(workspace.sync(), (0,), f"{what}: first sync")
                for path in paths:
                    if what == "renamed":
                        (workspace.docs / path).rename(workspace.docs / path.replace("doc", "moved"))
                    elif what == "edited":
                        (workspace.docs / path).write_bytes(document(chance, pathlib.Path(path).suffix, 2))
                outcome = workspace.sync(FRESHET_CRASH_POINT=f"after-commit:{count}")
                self.kills["named point"] += outcome.code == -9
                self.points_hit["after-commit"] += outcome.code == -9
                for file in workspace.docs.rglob("doc*" if what != "renamed" else "moved*"):
                    if file.is_file():
                        file.unlink()
                (workspace.docs / "other.md").write_text("# Other\n\nWhat is there now.\n")
                self.check_ends(workspace.sync("--allow-mass-delete"), (0,), f"{what}, killed after commit {count}")
                self.check_in_step(workspace, f"{what}, killed after commit {count}, gone")
                workspace.remove()

    def every_point(self, chance) -> None:
        """Each named point that chance did not hit is hit now; one that cannot be is a mistake."""
        for point in self.points:
            if self.points_hit[point]:
                continue
            workspace = self.workspace(f"point-{point}")
            tree = Tree(workspace.docs, chance)
            tree.create(12)
            for step in range(3):
                outcome = self._run(workspace, point, ["sync", "--json"], "named point", {"FRESHET_CRASH_POINT": point})
                if outcome.code == -9:
                    self.points_hit[point] += 1
                    break
                tree.begin_step()
                tree.edit(1 if step == 0 else 6)
            self.check_ends(workspace.sync(), (0,), f"after a kill at {point}")
            self.check_in_step(workspace, point)
            workspace.remove()
        self.check(self.points, "the sources name no crash point")
        for point in self.points:
            self.check(self.points_hit[point], f"nothing ever died at the crash point {point}")

    # Killing

    def _killed_until_done(self, workspace: Workspace, chance, what: str, by_progress: int = 0) -> None:
        """Runs `sync` and kills it in some way until one run ends by itself; checks what each run embedded."""
        most = 5 if self.options.quick else MOST_KILLS_A_STEP
        calls = self._calls_of_a_run(workspace)
        for attempt in range(most + 1):
            seen = set(workspace.embedded_texts())
            before = len(workspace.embedded_texts())
            if attempt == most:
                outcome = workspace.sync(seconds=600)
            else:
                outcome = self._kill_once(workspace, chance, f"{what}, run {attempt + 1}", calls, by_progress)
            texts = workspace.embedded_texts()[before:]
            again = sum(text in seen for text in texts)
            self.totals["again"] += again
            self.totals["most"] = max(self.totals["most"], again)
            self.check(again <= BATCH_IN_FLIGHT, f"{what}, run {attempt + 1}: {again} texts embedded again")
            self.check(len(set(texts)) == len(texts), f"{what}, run {attempt + 1}: a text embedded twice in one run")
            if outcome.code != -9:
                self.check_ends(outcome, (0,), f"{what}, run {attempt + 1}")
                return

    def _kill_once(self, workspace: Workspace, chance, what: str, calls: int, by_progress: int):
        kind = chance.choice(("named point", "file call", "moment") if not by_progress else
                             ("embedded texts", "embedded texts", "file call", "moment"))
        if kind == "named point":
            point, count = self._next_point(chance)
            return self._run(workspace, f"{what}, {point}:{count}", ["sync", "--json"], kind,
                             {"FRESHET_CRASH_POINT": f"{point}:{count}"}, point)
        if kind == "file call":
            number = min(int(chance.expovariate(1 / calls)) + 1, calls * 4)
            return self._run(workspace, f"{what}, file call {number}", ["sync", "--json"], kind,
                             self.faults.environment(workspace.collection, at=number, action="kill"))
        # Slowed down where the embedding itself is to be hit.
        running = workspace.start("sync", "--json", FRESHET_HASH_EMBEDDER_DELAY_US="300" if by_progress else None)
        if kind == "moment":
            deadline = time.monotonic() + chance.uniform(0.005, 0.15 if not by_progress else 3.0)
            while time.monotonic() < deadline and not running.has_ended():
                time.sleep(0.001)
        else:
            wanted = self._log_size(workspace) + chance.randrange(1, max(2, by_progress // 6)) * BYTES_A_TEXT
            while self._log_size(workspace) < wanted and not running.has_ended():
                time.sleep(0.001)
        running.kill()
        return self._ended(running, what, kind)

    def _run(self, workspace: Workspace, what: str, arguments, kind: str, environment, point: str | None = None):
        outcome = self._ended(workspace.start(*arguments, **environment), what, kind)
        if point and outcome.code == -9:
            self.points_hit[point] += 1
        return outcome

    def _ended(self, running, what: str, kind: str):
        outcome = running.wait(600)
        orphans = running.orphans()
        self.totals["orphans"] += len(orphans)
        self.check(not orphans, f"{what}: {len(orphans)} helper processes outlived the command")
        if outcome.code == -9:
            self.kills[kind] += 1
        return outcome

    def _next_point(self, chance) -> tuple[str, int]:
        if not self._deck:
            self._deck = [(point, count) for point in self.points for count in (1, 1, 2, 3, 5, MOST_COUNTS_OF_A_POINT)]
            chance.shuffle(self._deck)
        return self._deck.pop() if self._deck else ("before-commit", 1)

    def _calls_of_a_run(self, workspace: Workspace) -> int:
        """About how many file calls the next run makes; the first is the same for all that come after."""
        if not hasattr(self, "_calls"):
            copy = workspace.copy(self.folder / "counted")
            self._calls = max(20, self._file_calls(copy, "sync", "--json"))
            copy.remove()
        return self._calls

    def _file_calls(self, workspace: Workspace, *arguments: str) -> int:
        workspace.call(*arguments, **self.faults.environment(workspace.collection))
        return self.faults.seen

    def _log_size(self, workspace: Workspace) -> int:
        try:
            return workspace.embedding_log.stat().st_size
        except FileNotFoundError:
            return 0

    def _change_model(self, workspace: Workspace) -> None:
        """Another dimension is another model; its texts are logged apart, since all of them are embedded once more."""
        workspace.environment["FRESHET_EMBEDDER_DIMENSION"] = "96"
        workspace.embedding_log = workspace.embedding_log.with_suffix(".embedded96")
        workspace.environment["FRESHET_HASH_EMBEDDER_LOG"] = str(workspace.embedding_log)

    # Counting

    def _count_differences(self, workspace: Workspace, expected) -> None:
        state = workspace.state()
        self.totals["lost"] += len(expected.documents.keys() - state.documents.keys())
        self.totals["duplicates"] += len(state.duplicates)
        status = workspace.status()
        self.totals["steps"] += 1
        self.totals["behind"] += (status.get("index") or {}).get("sequence") != status.get("sequence")

    def _check_versions(self, workspace: Workspace, tree: Tree, what: str) -> None:
        found = {origin: version for (_, origin), version in workspace.state().versions.items()}
        wrong = [path for path in tree.versions if found.get(path) != tree.versions[path]]
        self.check(
            not wrong,
            f"{what}: {len(wrong)} documents with another number of versions, such as "
            + (f"{wrong[0]}: {found.get(wrong[0])} instead of {tree.versions[wrong[0]]}" if wrong else ""),
        )
