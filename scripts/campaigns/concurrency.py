"""Two writers, searches beside a writer, and files damaged, lost or put back under the others' feet."""

import re
import shutil
import signal
import sqlite3
import threading
import time

from campaign import Campaign
from documents import Tree, sentence
from freshet import Workspace

DATABASE = "collection.sqlite"
SLOW = {"FRESHET_HASH_EMBEDDER_DELAY_US": "5000"}


class Concurrency(Campaign):
    name = "concurrency"
    summary = "two syncs at once, searches beside a sync, damaged and exchanged files"

    def cases(self):
        yield "two-writers", self.two_writers
        yield "interrupted", self.interrupted
        yield "searches", self.searches
        yield "damage", self.damage
        yield "database-damage", self.database_damage
        yield "backup", self.restored_backup
        yield "tail", self.lost_tail
        yield "no-index", self.no_index

    def _prepared(self, chance, label: str, documents: int = 30) -> tuple[Workspace, Tree]:
        workspace = self.workspace(label)
        tree = Tree(workspace.docs, chance)
        tree.create(documents)
        self.check_ends(workspace.sync(), (0,), "first sync")
        return workspace, tree

    # Processes

    def two_writers(self, chance) -> None:
        workspace = self.workspace("two-writers")
        tree = Tree(workspace.docs, chance)
        tree.create(60)
        first = workspace.start("sync", "--json", **SLOW)
        self._until(lambda: workspace.embedded_texts() or first.has_ended())
        second = workspace.sync()
        self.check(not first.has_ended(), "the first sync was too fast for this case")
        self.check_ends(second, (11,), "a second writer")
        self.check(str(first.process.pid) in second.errors, f"the owner's number is not named: {second.last_error}")
        self.check(workspace.status().get("writer") == first.process.pid, "status does not name the writer")
        waiting = workspace.start("sync", "--json", "--wait", "2m")
        self.check_ends(first.wait(), (0,), "the first writer")
        self.check_ends(waiting.wait(), (0,), "a writer that waits")
        texts = workspace.embedded_texts()
        self.check(len(texts) == len(set(texts)), "two writers embedded a text twice")
        self.check_in_step(workspace, "two writers")
        together = [workspace.start("sync", "--json") for _ in range(4)]
        codes = sorted(one.wait().code for one in together)
        self.check(codes[0] == 0 and set(codes) <= {0, 11}, f"four at once ended with {codes}")
        self.check_verifies(workspace, "four at once")
        workspace.remove()

    def interrupted(self, chance) -> None:
        """Ctrl-C commits what is done, says so, and the next run goes on from there."""
        workspace = self.workspace("interrupted")
        workspace.configure(more="checkpoint: { documents: 5 }\nembedder: { batch: 8 }\n")
        tree = Tree(workspace.docs, chance)
        tree.create(60)
        for name in (signal.SIGINT, signal.SIGTERM):
            before = len(workspace.embedded_texts())
            running = workspace.start("sync", "--json", **SLOW)
            self._until(lambda: len(workspace.embedded_texts()) > before + 40 or running.has_ended())
            running.kill(name)
            outcome = running.wait(60)
            self.check_ends(outcome, (130,), name.name)
            self.check(outcome.summary.get("interrupted") is True, f"{name.name}: the summary does not say so")
            self.check(not running.orphans(), f"{name.name}: helpers outlived the command")
            told = len(outcome.lines("document"))
            self.check(told == outcome.documents("created"), f"{name.name}: {told} told, {outcome.documents('created')} counted")
            self.check(workspace.search("journal").code == 0, f"{name.name}: a search fails afterwards")
        self.check_ends(workspace.sync(), (0,), "the next run")
        self.check_in_step(workspace, "after interruptions")
        texts = workspace.embedded_texts()
        self.check(len(texts) == len(set(texts)), f"{len(texts) - len(set(texts))} texts embedded twice")
        workspace.remove()

    def searches(self, chance) -> None:
        """Documents change as a whole: all their chunks carry the number of one state, in every search's answer."""
        rounds, documents, parts = (4, 12, 6) if self.options.quick else (30, 30, 12)
        workspace = self.workspace("searches")
        workspace.configure(more="checkpoint: { documents: 1 }\nembedder: { batch: 4 }\n")

        def write(state: int) -> None:
            for number in range(documents):
                paragraphs = [
                    f"zdoc{number} zstate{state} zpart{part}. " + " ".join(sentence(chance) for _ in range(12))
                    for part in range(parts)
                ]
                (workspace.docs / f"doc{number}.txt").write_text("\n\n".join(paragraphs))

        write(0)
        self.check_ends(workspace.sync(), (0,), "first sync")
        ended = threading.Event()
        problems: list[str] = []
        count = 0
        states = set()

        def search(lane: int) -> None:
            nonlocal count
            turn = lane
            while not ended.is_set():
                turn += 1
                number = turn % documents
                mode = ("keyword", "hybrid")[turn % 2]
                outcome = workspace.search(f"zdoc{number}", "--limit", "60", "--mode", mode)
                count += 1
                if outcome.code != 0:
                    problems.append(f"a search failed: {outcome}")
                    continue
                problems.extend(self._halves(outcome.value().get("hits", []), number, parts, states, mode))

        lanes = [threading.Thread(target=search, args=(lane,)) for lane in range(2)]
        for lane in lanes:
            lane.start()
        try:
            for state in range(1, rounds + 1):
                write(state)
                self.check_ends(workspace.sync(FRESHET_HASH_EMBEDDER_DELAY_US="500"), (0,), f"state {state}")
        finally:
            ended.set()
            for lane in lanes:
                lane.join()
        self.say(f"searches: {count} beside {rounds} syncs, {len(states)} states seen, {len(problems)} problems")
        self.check(count > rounds, f"only {count} searches")
        self.check(not problems, f"{len(problems)} searches, such as: {problems[:3]}")
        self.check_in_step(workspace, "after the searches")
        workspace.remove()

    def _halves(self, hits: list[dict], number: int, parts: int, states: set, mode: str) -> list[str]:
        """What is wrong with the hits of one document: several states, or chunks that are missing."""
        texts = [hit.get("text", "") for hit in hits if hit.get("origin") == f"doc{number}.txt"]
        seen = {state for text in texts for state in re.findall(r"zstate(\d+)", text)}
        states |= seen
        versions = {hit.get("version") for hit in hits if hit.get("origin") == f"doc{number}.txt"}
        if len(seen) != 1 or len(versions) != 1:
            return [f"{mode}: document {number} in the states {sorted(seen)}, versions {versions}"]
        found = {part for text in texts for part in re.findall(r"zpart(\d+)", text)}
        if mode == "keyword" and len(found) != parts:
            return [f"{mode}: {len(found)} of {parts} parts of document {number}"]
        return []

    # Files

    def damage(self, chance) -> None:
        """Each index file bit-flipped, cut, emptied, filled with nonsense or removed: 0 embeddings, the same answers."""
        workspace, tree = self._prepared(chance, "damage")
        tree.begin_step()
        tree.create(2)
        self.check_ends(workspace.sync(), (0,), "a delta")
        query = ("journal snapshot", "--limit", "10")
        expected = [hit.get("origin") for hit in workspace.search(*query).value().get("hits", [])]
        names = sorted(path.name for path in (workspace.collection / "index").iterdir() if path.is_file())
        self.check(len(names) >= 2, f"the index has the files {names}")
        self.say(f"damage: {names}")
        for name in names:
            for kind in ("flipped", "cut", "emptied", "nonsense", "removed"):
                case = workspace.copy(self.folder / "damaged")
                self._damage(case.collection / "index" / name, kind, chance)
                what = f"{name} {kind}"
                found = case.search(*query)
                self.check_ends(found, (0,), f"{what}: a search")
                hits = [hit.get("origin") for hit in found.value().get("hits", [])]
                self.check(hits == expected, f"{what}: {len(hits)} hits, not the same")
                file = next(case.docs.glob("**/*.md"))
                file.write_text(file.read_text() + f"\n\n{sentence(chance)}\n")
                outcome = case.sync()
                self.check_ends(outcome, (0,), f"{what}: the next sync")
                self.check(outcome.embedded <= 3, f"{what}: {outcome.embedded} texts embedded")
                self.check_in_step(case, what)
                case.remove()
        workspace.remove()

    def _damage(self, path, kind: str, chance) -> None:
        data = bytearray(path.read_bytes())
        if kind == "flipped":
            for _ in range(3):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
        elif kind == "cut":
            path.write_bytes(data[: chance.randrange(1, len(data))])
        elif kind == "emptied":
            path.write_bytes(b"")
        elif kind == "nonsense":
            path.write_bytes(chance.randbytes(len(data)))
        else:
            path.unlink()

    def database_damage(self, chance) -> None:
        """A damaged database is reported in a sentence, never repaired in silence, and never crashes anything."""
        workspace, _ = self._prepared(chance, "database-damage")
        # What still stands in the write-ahead log would heal the damage.
        with sqlite3.connect(workspace.collection / DATABASE) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        size = (workspace.collection / DATABASE).stat().st_size
        for kind in ("header", "flipped pages", "cut", "emptied", "nonsense"):
            case = workspace.copy(self.folder / "damaged")
            path = case.collection / DATABASE
            data = bytearray(path.read_bytes())
            if kind == "header":
                data[:16] = bytes(16)
            elif kind == "flipped pages":
                for _ in range(40):
                    data[chance.randrange(100, size)] ^= 0xFF
            elif kind == "cut":
                data = data[: chance.randrange(size // 4, size * 3 // 4)]
            else:
                data = bytearray() if kind == "emptied" else bytearray(chance.randbytes(size))
            path.write_bytes(data)
            for arguments in (["search", "--json", "journal"], ["verify", "--json"], ["status", "--json"], ["sync", "--json"]):
                outcome = case.call(*arguments)
                self.check(not outcome.crashed and not outcome.timed_out, f"{kind}: {arguments[0]}: {outcome}")
                if outcome.code != 0 and arguments[0] != "verify":
                    self.check_ends(outcome, (1, 3, 10), f"{kind}: {arguments[0]}")
            if kind in ("header", "cut", "nonsense"):
                self.check(case.verify().get("ok") is not True, f"{kind}: verify finds nothing wrong")
            case.remove()
        workspace.remove()

    def restored_backup(self, chance) -> None:
        """An older database under a newer index: the index is ahead, and is built from what is there."""
        workspace, tree = self._prepared(chance, "backup")
        backup = self._databases(workspace, "kept")
        older = workspace.state()
        tree.begin_step()
        tree.edit(6)
        tree.create(3)
        tree.delete(2)
        tree.rename(2)
        self.check_ends(workspace.sync(), (0,), "the sync that is lost")
        made_since = len(workspace.embedded_texts())
        self._put_back(workspace, backup)
        found = workspace.search("journal snapshot", "--limit", "10")
        self.check_ends(found, (0,), "a search in the restored backup")
        origins = {hit.get("origin") for hit in found.value().get("hits", [])}
        known = {origin for _, origin in older.documents}
        self.check(origins and origins <= known, f"hits that the backup does not know: {origins - known}")
        before = len(workspace.embedded_texts())
        self.check_ends(workspace.sync(), (0,), "the sync after the restore")
        self.check(len(workspace.embedded_texts()) - before <= made_since, "more was embedded than was lost")
        self.check_in_step(workspace, "after the restore")
        # The same again, with other changes: the log reaches the lost sequence with other content.
        backup = self._databases(workspace, "kept-again")
        tree.begin_step()
        tree.edit(3)
        workspace.sync()
        self._put_back(workspace, backup)
        tree.edit(3)
        tree.create(3)
        self.check_ends(workspace.sync(), (0,), "another history")
        self.check_in_step(workspace, "another history")
        workspace.remove()

    def lost_tail(self, chance) -> None:
        """The last commits are gone, as after a power loss on a disk that lied: a cut write-ahead log."""
        for number in range(3 if self.options.quick else 25):
            workspace, tree = self._prepared(chance, f"tail{number}", documents=15)
            tree.begin_step()
            tree.edit(5)
            tree.create(4)
            running = workspace.start(
                "sync", "--json", "--checkpoint", "2", FRESHET_CRASH_POINT=f"after-commit:{chance.randint(1, 5)}")
            running.wait()
            log = workspace.collection / f"{DATABASE}-wal"
            if not log.exists() or log.stat().st_size < 100:
                self.check(False, f"there is no write-ahead log after a kill ({sorted(workspace.collection.iterdir())})")
                break
            data = log.read_bytes()
            cut = chance.randrange(0, len(data))
            log.write_bytes(data[:cut])
            (workspace.collection / f"{DATABASE}-shm").unlink(missing_ok=True)
            what = f"log cut at {cut} of {len(data)}"
            found = workspace.search("journal")
            # A log that is cut early holds not even the schema.
            if "no collection" not in found.errors:
                self.check_ends(found, (0,), f"{what}: a search")
            self.check_ends(workspace.sync(), (0,), what)
            self.check_in_step(workspace, what)
            workspace.remove()

    def no_index(self, chance) -> None:
        """The whole index folder is gone, also while the collection is only read."""
        workspace, _ = self._prepared(chance, "no-index")
        embedded = len(workspace.embedded_texts())
        before = workspace.search("journal snapshot").value().get("hits")
        shutil.rmtree(workspace.collection / "index")
        found = workspace.search("journal snapshot")
        self.check(found.code == 0 and found.value().get("hits") == before, f"other hits without an index: {found}")
        self.check_verifies(workspace, "without an index")
        self.check_ends(workspace.call("reindex"), (0,), "reindex")
        self.check((workspace.collection / "index").is_dir(), "reindex made no index")
        self.check(len(workspace.embedded_texts()) == embedded, "something was embedded")
        workspace.remove()

    def _databases(self, workspace: Workspace, name: str):
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for path in workspace.collection.glob(f"{DATABASE}*"):
            shutil.copy2(path, folder)
        return folder

    def _put_back(self, workspace: Workspace, folder) -> None:
        for path in workspace.collection.glob(f"{DATABASE}*"):
            path.unlink()
        for path in folder.iterdir():
            shutil.copy2(path, workspace.collection)

    def _until(self, condition, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.002)
