"""Reading where nothing can be written: a full disk, a read-only one, a folder of somebody else, writes that fail.

Every verb that reads serves the last commit, also one that only the log has, and leaves the files as they are.
"""

import hashlib
import pathlib
import shutil
import subprocess
import time

from campaign import Campaign, Skipped
from documents import Tree
from embedding_server import EmbeddingServer
from faults import FaultLibrary
from freshet import NOBODY, Workspace

VERBS = (["search", "--json", "journal"], ["list", "--json"], ["status", "--json"], ["verify", "--json"],
         ["runs", "--json"], ["export", "--format", "jsonl"], ["health", "--json"])
DISK = "24m"  # room for a small collection
DATABASE = "collection.sqlite"
SLOWLY = "30000"  # microseconds a text
BATCHES_IN_FLIGHT = 16  # texts that may be computed again after a kill: two batches of 8


class Reading(Campaign):
    name = "reading"
    summary = "searches on a full, failing or read-only disk, and without permission to write"

    def __init__(self, options):
        super().__init__(options)
        self.faults = FaultLibrary(self.folder)
        self.reads = 0

    def cases(self):
        yield "failing", self.failing
        yield "beside", self.beside
        yield "probe", self.lost_probe
        yield "permission", self.permission
        yield "read-only", self.read_only
        yield "full", self.full

    def report(self) -> None:
        self.say(f"{self.reads} reads where nothing could be written")

    # Cases

    def failing(self, chance) -> None:
        """Every call that writes fails."""
        for what, workspace in self._states(chance, "failing"):
            answers = self._answers(workspace)
            for action in ("ENOSPC", "EIO", "short"):
                self._check_reads(workspace, answers, f"{what}, {action}", lambda action=action: self.faults.environment(
                    workspace.collection, at=1, action=action, lasting=True))
            self._check_writes_again(workspace, what)

    def beside(self, chance) -> None:
        """Every call of a reader that writes fails while a writer is at work, which has shared memory."""
        workspace = self.workspace("beside")
        workspace.configure(more="checkpoint: { documents: 3 }\nembedder: { batch: 8 }\n")
        Tree(workspace.docs, chance, paragraphs=(1, 3)).create(60)
        writer = workspace.start("sync", "--json", FRESHET_HASH_EMBEDDER_DELAY_US=SLOWLY)
        deadline = time.monotonic() + 60
        while not workspace.list() and time.monotonic() < deadline:
            time.sleep(0.01)
        for action in ("ENOSPC", "EIO", "short"):
            for verb in VERBS[:3]:
                outcome = workspace.call(*verb, FRESHET_HASH_EMBEDDER_LOG=None, **self.faults.environment(
                    workspace.collection, at=1, action=action, lasting=True))
                self.reads += 1
                self.check_ends(outcome, (0,), f"beside a writer, {action}: {verb[0]}")
        self.check(not writer.has_ended(), "the sync was too fast for this case")
        self.check_ends(writer.wait(), (0,), "the writer")
        self.check_in_step(workspace, "the writer")

    def lost_probe(self, chance) -> None:
        """What a server answered to the probe was lost, and cannot be kept again."""
        server = EmbeddingServer()
        try:
            workspace = self.workspace("probe")
            workspace.environment |= {
                "FRESHET_EMBEDDER_PROVIDER": "http",
                "FRESHET_EMBEDDER_URL": server.url,
                "FRESHET_EMBEDDER_MODEL": "campaign",
                "FRESHET_EMBEDDER_DIMENSION": "32",
            }
            Tree(workspace.docs, chance, paragraphs=(1, 3)).create(4)
            self.check_ends(workspace.sync("--trust"), (0,), "first sync")
            probes = list(workspace.collection.glob("probe-*"))
            self.check(probes, "no probe was kept")
            for probe in probes:
                probe.unlink()
            for action in ("ENOSPC", "EIO"):
                outcome = workspace.search("journal", "--trust", **self.faults.environment(
                    workspace.collection, at=1, action=action, lasting=True))
                self.reads += 1
                self.check_ends(outcome, (0,), f"{action}: a search")
                self.check(outcome.value().get("mode") == "hybrid", f"{action}: {outcome.output[:200]}")
        finally:
            server.close()

    def permission(self, chance) -> None:
        """A user who may read everything and write nothing."""
        if subprocess.run(["setpriv", "--reuid=65534", "true"], capture_output=True, check=False).returncode != 0:
            raise Skipped("another user cannot be taken on here (setpriv as root)")
        for what, workspace in self._states(chance, "permission"):
            answers = self._answers(workspace)
            subprocess.run(["chmod", "-R", "a+rX,go-w", str(workspace.folder)], check=True)
            workspace.user = NOBODY
            # What fails here is not the disk: nobody may also not write the log of the embedder.
            self._check_reads(workspace, answers, what, lambda: {"FRESHET_HASH_EMBEDDER_LOG": None})
            self.check_ends(workspace.sync(), (1,), f"{what}: a sync without permission")
            workspace.user = None
            self._check_writes_again(workspace, what)

    def read_only(self, chance) -> None:
        """The file system became read-only."""
        with Disk(self.folder / "disk") as disk:
            for what, workspace in self._states(chance, "disk/read-only"):
                answers = self._answers(workspace)
                disk.remount("ro")
                self._check_reads(workspace, answers, what)
                self.check_ends(workspace.sync(), (1,), f"{what}: a sync on a read-only disk")
                disk.remount("rw")
                self._check_writes_again(workspace, what)
                workspace.remove()

    def full(self, chance) -> None:
        """The disk is full to the last byte; then it has room again."""
        with Disk(self.folder / "disk") as disk:
            for what, workspace in self._states(chance, "disk/full"):
                answers = self._answers(workspace)
                filler = disk.fill()
                self._check_reads(workspace, answers, what)
                outcome = workspace.sync("--force")
                self.check_ends(outcome, (1, 3), f"{what}: a sync on a full disk")
                self.check("full" in outcome.errors or "free" in outcome.errors,
                           f"{what}: the sync does not say that the disk is full: {outcome.last_error}")
                self._check_reads(workspace, None, f"{what}, after a sync that failed")
                filler.unlink()
                self._check_writes_again(workspace, what)
                workspace.remove()

    # What they share

    def _states(self, chance, label: str):
        """A collection that was closed, and one whose writer died, with the last commits only in the log: with the shared
        memory that the dead process had, and without it, so that somebody has to make it."""
        for what in ("closed", "writer died", "writer and shared memory gone"):
            workspace = self.workspace(label)
            workspace.embedding_log = self.folder / f"{what}.embedded"
            workspace.environment["FRESHET_HASH_EMBEDDER_LOG"] = str(workspace.embedding_log)
            workspace.configure(more="checkpoint: { documents: 3 }\nembedder: { batch: 8 }\n")
            workspace.embedding_log.unlink(missing_ok=True)
            Tree(workspace.docs, chance, paragraphs=(1, 3)).create(12)
            if what == "closed":
                self.check_ends(workspace.sync(), (0,), "first sync")
            else:
                died = workspace.sync(FRESHET_CRASH_POINT="after-commit:3")
                self.check(died.code == -9, f"the writer did not die: {died}")
                log = workspace.collection / (DATABASE + "-wal")
                self.check(log.exists() and log.stat().st_size > 0, "the dead writer left no log")
            if what == "writer and shared memory gone":
                (workspace.collection / (DATABASE + "-shm")).unlink()
            yield what, workspace

    def _answers(self, workspace: Workspace) -> dict[str, str]:
        """What each verb says where everything can be written, from a copy, since the first reader makes files."""
        copy = workspace.copy(self.folder / "answers")
        try:
            return {verb[0]: self._essence(copy, copy.call(*verb, FRESHET_HASH_EMBEDDER_LOG=None)) for verb in VERBS}
        finally:
            copy.remove()

    def _essence(self, workspace: Workspace, outcome) -> str:
        """The exit code and the answer, without the folder's own name and what changes from call to call."""
        if outcome.code not in (0, 1):
            return str(outcome)
        text = outcome.output.replace(str(workspace.folder), "FOLDER")
        return f"{outcome.code} {len(text.splitlines())} {hashlib.sha256(text.encode()).hexdigest()}"

    def _check_reads(self, workspace: Workspace, answers, what: str, environment=dict) -> None:
        before = self._files(workspace)
        for verb in VERBS:
            outcome = workspace.call(*verb, **({"FRESHET_HASH_EMBEDDER_LOG": None} | environment()))
            self.reads += 1
            where = f"{what}: {verb[0]}"
            # `verify` says what the dead writer had not done yet, `health` that the disk is full: they answer.
            if verb[0] in ("verify", "health"):
                if not self.check(outcome.code in (0, 1) and outcome.value(), f"{where}: {outcome}"):
                    continue
            elif not self.check_ends(outcome, (0,), where):
                continue
            if verb[0] == "verify":
                problems = [one for one in outcome.value().get("problems", [None]) if (one or {}).get("code") != "out_of_step"]
                self.check(not problems, f"{where}: {problems}")
            elif answers and verb[0] not in ("health", "status"):
                self.check(self._essence(workspace, outcome) == answers[verb[0]], f"{where} answers otherwise: "
                           f"{outcome.output[:200]!r} {outcome.last_error}")
            self.check("cannot be opened" not in outcome.output + outcome.errors, f"{where}: {outcome.last_error}")
        self.check(self._files(workspace) == before, f"{what}: reading changed the files")

    def _files(self, workspace: Workspace) -> dict[str, str]:
        """The digests of the database and its log; an empty log is none."""
        found = {}
        for name in (DATABASE, DATABASE + "-wal"):
            path = workspace.collection / name
            if path.exists() and path.stat().st_size > 0:
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def _check_writes_again(self, workspace: Workspace, what: str) -> None:
        before = len(workspace.embedded_texts())
        again = set(workspace.embedded_texts())
        self.check_ends(workspace.sync(), (0,), f"{what}: a sync afterwards")
        self.check_in_step(workspace, f"{what}: afterwards")
        twice = sum(text in again for text in workspace.embedded_texts()[before:])
        allowed = 0 if what == "closed" else BATCHES_IN_FLIGHT
        self.check(twice <= allowed, f"{what}: {twice} texts embedded again afterwards")


class Disk:
    """A small file system in memory, mounted while the body runs."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def __enter__(self) -> "Disk":
        self.folder.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(self.folder)],
                              capture_output=True, text=True, check=False)
        if made.returncode != 0:
            self.folder.rmdir()
            raise Skipped(f"a file system cannot be mounted here: {made.stderr.strip()}")
        return self

    def __exit__(self, *_) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def remount(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.folder)], check=True)

    def fill(self) -> pathlib.Path:
        """Writes a file until there is no room for another byte."""
        path = self.folder / "filler"
        with open(path, "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass
        return path
