"""Each file call fails once: the full disk, the bad disk, the short write. Then a run without faults puts all right."""

import collections

from campaign import Campaign
from documents import Tree
from faults import FaultLibrary

ACTIONS = ("ENOSPC", "EIO", "short")
QUICK_POINTS = 2
OPENING_CALLS = 16  # the first calls of a run, in which the database and its shared memory are opened
MOST_POINTS = 100_000  # of one phase: a run that makes more calls than this is not small


class Fault(Campaign):
    name = "fault"
    summary = "every file call fails in turn; a run without faults puts everything right"

    def __init__(self, options):
        super().__init__(options)
        self.faults = FaultLibrary(self.folder)
        self.visited = collections.Counter()
        self.codes = collections.Counter()
        self.searches = 0

    def cases(self):
        yield "first", lambda chance: self.phase(chance, "first", lambda tree: None, ["sync", "--json"])
        yield "changes", lambda chance: self.phase(chance, "changes", self._change, ["sync", "--json"])
        yield "rebuild", lambda chance: self.phase(chance, "rebuild", self._grow, ["sync", "--json"])
        yield "model", lambda chance: self.phase(
            chance, "model", lambda tree: None, ["sync", "--json"], {"FRESHET_EMBEDDER_DIMENSION": "96"})
        yield "reindex", lambda chance: self.phase(chance, "reindex", lambda tree: None, ["reindex"])
        yield "opening", self.opening
        yield "sources", lambda chance: self.reading(chance, "sources")
        yield "collection", lambda chance: self.reading(chance, "collection")

    def report(self) -> None:
        places = ", ".join(f"{count} {kind}" for kind, count in sorted(self.visited.items()))
        self.say(f"fail points visited: {self.visited.total()} ({places}); searches beside a fault: {self.searches}")
        self.say(f"exit codes under a fault: {dict(sorted(self.codes.items()))}; violations: {self.failed}")

    # Writing

    def opening(self, chance) -> None:
        """Everything fails from a call on by which the database is opened; a writer died before, and left its log."""
        prepared = self.workspace("opening")
        prepared.configure(more="checkpoint: { documents: 3 }\nembedder: { batch: 8 }\n")
        Tree(prepared.docs, chance, paragraphs=(1, 3)).create(8)
        expected = prepared.fresh_state()
        died = prepared.sync(FRESHET_CRASH_POINT="after-commit:3")
        self.check(died.code == -9, f"the writer did not die: {died}")
        for action in ACTIONS[:1] if self.options.quick else ACTIONS:
            for number in range(1, OPENING_CALLS + 1):
                self._fail_at(prepared, expected, f"opening, {action}, from there on, call {number}",
                              ["sync", "--json"], {}, at=number, action=action, lasting=True)
        prepared.remove()

    def phase(self, chance, label: str, change, arguments, environment=None) -> None:
        """From one prepared collection, the same command again and again, with another call failing each time."""
        environment = environment or {}
        prepared = self.workspace(label)
        prepared.configure(more="checkpoint: { documents: 3 }\nembedder: { batch: 8 }\n")
        tree = Tree(prepared.docs, chance, paragraphs=(1, 3))
        tree.create(8)
        if label != "first":
            self.check_ends(prepared.sync(), (0,), "the sync before")
        tree.begin_step()
        change(tree)
        expected = prepared.fresh_state(**environment)
        counted = prepared.copy(self.folder / f"{label}-counted")
        self.check_ends(
            counted.call(*arguments, **environment, **self.faults.environment(counted.collection)), (0,), "no fault")
        calls = self.faults.seen
        counted.remove()
        self.say(f"{label}: {calls} file calls")
        self.check(0 < calls < MOST_POINTS, f"{label}: {calls} file calls were counted")
        for action in ACTIONS:
            for lasting in (False, True):
                kind = f"{label}, {action}, {'from there on' if lasting else 'once'}"
                numbers = list(range(1, calls + 1))
                if self.options.quick:
                    numbers = sorted(chance.sample(numbers, min(QUICK_POINTS, calls)))
                for number in numbers:
                    self._fail_at(prepared, expected, f"{kind}, call {number}", arguments, environment,
                                  at=number, action=action, lasting=lasting)
        prepared.remove()

    def _fail_at(self, prepared, expected, what: str, arguments, environment, **fault) -> None:
        workspace = prepared.copy(self.folder / "case")
        try:
            outcome = workspace.call(
                *arguments, **environment, **self.faults.environment(workspace.collection, **fault))
            if not self.faults.injected:
                return
            self.visited[what.split(",")[0]] += 1
            self.codes[outcome.code] += 1
            good = self.check_ends(outcome, (0, 1, 3), what)
            if prepared.collection.exists():
                if fault["lasting"]:
                    self.searches += 1
                    unwritable = self.faults.environment(workspace.collection, at=1, action=fault["action"], lasting=True)
                    good &= self.check_ends(
                        workspace.search("journal", **unwritable), (0,), f"{what}: a search while nothing can be written")
                self.searches += 1
                # With the model's old settings: it is the last commit that has to be served.
                good &= self.check_ends(workspace.search("journal"), (0,), f"{what}: a search afterwards")
            good &= self.check_ends(workspace.sync(**environment), (0,), f"{what}: the sync without faults")
            answer = workspace.verify(**environment)
            good &= self.check(answer.get("ok") is True, f"{what}: verify: {str(answer)[:300]}")
            differences = workspace.state(**environment).differences(expected)
            good &= self.check(not differences, f"{what}: {'; '.join(differences)}")
            again = len(workspace.embedded_texts()) - len(set(workspace.embedded_texts()))
            self.check(again <= 256, f"{what}: {again} texts embedded twice")
        finally:
            workspace.remove()

    def _change(self, tree: Tree) -> None:
        tree.edit(1)
        tree.rename(1)
        tree.delete(1)
        tree.create(1)

    def _grow(self, tree: Tree) -> None:
        tree.create(6)

    # Reading

    def reading(self, chance, label: str) -> None:
        """EIO when a source, or the collection itself, is read."""
        prepared = self.workspace(label)
        tree = Tree(prepared.docs, chance, paragraphs=(1, 3))
        tree.create(10)
        self.check_ends(prepared.sync(), (0,), "the sync before")
        tree.begin_step()
        tree.edit(3)
        tree.create(2)
        expected = prepared.fresh_state()
        known = set(prepared.state().documents)
        watched = "docs" if label == "sources" else ".freshet"
        counted = prepared.copy(self.folder / f"{label}-counted")
        counted.sync("--checksum", **self.faults.environment(counted.folder / watched, calls="read"))
        calls = self.faults.seen
        counted.remove()
        self.say(f"reading {label}: {calls} calls")
        self.check(calls > 0, f"reading {label}: nothing was counted")
        for action in ("EIO", "short"):
            for lasting in (False, True):
                numbers = range(1, calls + 1)
                if self.options.quick:
                    numbers = sorted(chance.sample(numbers, min(QUICK_POINTS, calls)))
                for number in numbers:
                    what = f"reading {label}, {action}, {'from there on' if lasting else 'once'}, call {number}"
                    workspace = prepared.copy(self.folder / "case")
                    outcome = workspace.sync(
                        "--checksum",
                        **self.faults.environment(
                            workspace.folder / watched, at=number, action=action, lasting=lasting, calls="read"))
                    if self.faults.injected:
                        self.visited[f"reading {label}"] += 1
                        self.codes[outcome.code] += 1
                        self.check_ends(outcome, (0, 1, 3, 4), what)
                        gone = known - set(workspace.state().documents)
                        self.check(not gone, f"{what}: {len(gone)} documents were deleted")
                        self.check_ends(workspace.sync(), (0,), f"{what}: the sync without faults")
                        self.check_in_step(workspace, what, expected)
                    workspace.remove()
