"""When the index is built anew: at 19.9 %, at 20.0 %, from empty; searches go on; the backup comes back."""

import threading

from campaign import Campaign
from documents import sentence


class Rebuild(Campaign):
    name = "rebuild"
    summary = "the index's rebuild at 20 %, searches during the swap, its backup"

    def cases(self):
        yield "threshold", self.threshold
        yield "removals", self.removals
        yield "empty", self.from_empty
        yield "swap", self.swap

    def _write(self, workspace, chance, names) -> None:
        """Each file is one chunk."""
        for name in names:
            (workspace.docs / f"{name}.txt").write_text(" ".join(sentence(chance) for _ in range(3)) + "\n")

    def _index(self, workspace) -> dict:
        status = workspace.status()
        index = status.get("index") or {}
        return {"at": status.get("last_rebuild"), "ratio": status.get("changed_since_rebuild"),
                "live": index.get("live_at_build"), "sequence": index.get("sequence"), "head": status.get("sequence")}

    def _sync(self, workspace, what: str, embedded: int) -> dict:
        before = len(workspace.embedded_texts())
        self.check_ends(workspace.sync(), (0,), what)
        found = len(workspace.embedded_texts()) - before
        self.check(found == embedded, f"{what}: {found} texts embedded instead of {embedded}")
        index = self._index(workspace)
        self.say(f"{what}: built with {index['live']} vectors, {float(index['ratio'] or 0):.1%} changed since")
        self.check(index["sequence"] == index["head"], f"{what}: the index is at {index['sequence']} of {index['head']}")
        self.check_verifies(workspace, what)
        return index

    def threshold(self, chance) -> None:
        workspace = self.workspace("threshold")
        self._write(workspace, chance, (f"base{number}" for number in range(1000)))
        first = self._sync(workspace, "1,000 chunks", 1000)
        self.check(first["live"] == 1000, f"built with {first['live']} vectors")
        self._write(workspace, chance, (f"more{number}" for number in range(199)))
        below = self._sync(workspace, "199 more: 19.9 %", 199)
        self.check(below["at"] == first["at"], "built anew at 19.9 %")
        self.check(abs(below["ratio"] - 0.199) < 1e-9, f"{below['ratio']} changed since the rebuild, not 0.199")
        self._write(workspace, chance, ["last"])
        at = self._sync(workspace, "1 more: 20.0 %", 1)
        self.check(at["at"] != first["at"] and at["live"] == 1200, f"not built anew at 20.0 %: {at}")
        self.check(at["ratio"] == 0, f"{at['ratio']} changed right after the rebuild")
        self.check_in_step(workspace, "rebuilt")
        workspace.remove()

    def removals(self, chance) -> None:
        """Removed vectors count as added ones do."""
        workspace = self.workspace("removals")
        self._write(workspace, chance, (f"base{number}" for number in range(500)))
        first = self._sync(workspace, "500 chunks", 500)
        for number in range(50):
            (workspace.docs / f"base{number}.txt").unlink()
        self._write(workspace, chance, (f"more{number}" for number in range(49)))
        below = self._sync(workspace, "50 removed, 49 added: 19.8 %", 49)
        self.check(below["at"] == first["at"], "built anew at 19.8 %")
        self._write(workspace, chance, ["last"])
        at = self._sync(workspace, "1 more: 20.0 %", 1)
        self.check(at["at"] != first["at"], "not built anew at 20.0 %")
        self.check_in_step(workspace, "rebuilt")
        workspace.remove()

    def from_empty(self, chance) -> None:
        workspace = self.workspace("empty")
        self.check_ends(workspace.sync(), (0,), "an empty source")
        found = workspace.search("anything")
        self.check(found.code == 0 and found.value().get("hits") == [], f"a search in an empty collection: {found}")
        self._write(workspace, chance, ["first"])
        one = self._sync(workspace, "from empty to 1", 1)
        self.check(one["live"] == 1, f"from empty: built with {one['live']} vectors")
        self._write(workspace, chance, (f"next{number}" for number in range(10)))
        eleven = self._sync(workspace, "from 1 to 11", 10)
        self.check(eleven["live"] == 11, f"1,000 % more: built with {eleven['live']} vectors")
        workspace.remove()

    def swap(self, chance) -> None:
        """Searches in a loop while the index is built anew again and again; then the backup."""
        count = 600 if self.options.quick else 4000
        workspace = self.workspace("swap")
        self._write(workspace, chance, (f"base{number}" for number in range(count)))
        self._sync(workspace, f"{count:,} chunks", count)
        embedded = len(workspace.embedded_texts())
        expected = self._hits(workspace)
        self.check(len(expected) == 10, f"{len(expected)} hits before")
        ended = threading.Event()
        failures: list[str] = []
        searches = 0

        def search() -> None:
            nonlocal searches
            while not ended.is_set():
                outcome = workspace.search("journal snapshot", "--limit", "10")
                searches += 1
                hits = [hit.get("origin") for hit in outcome.value().get("hits", [])]
                if outcome.code != 0 or hits != expected:
                    failures.append(f"{outcome}, {len(hits)} hits, equal: {hits == expected}")

        loop = threading.Thread(target=search)
        loop.start()
        try:
            for number in range(3 if self.options.quick else 20):
                self.check_ends(workspace.call("reindex"), (0,), f"reindex {number + 1}")
                self.check_ends(workspace.call("reindex", "--backup-restore"), (0,), f"backup {number + 1} restored")
        finally:
            ended.set()
            loop.join()
        self.say(f"swap: {searches} searches during the swaps, {len(failures)} otherwise than before")
        self.check(searches > 0 and not failures, f"searches during the swap: {failures[:3]}")
        self.check(self._hits(workspace) == expected, "other hits after the backup was restored")
        self.check(len(workspace.embedded_texts()) == embedded + 0, "something was embedded")
        self.check_in_step(workspace, "after the swaps")
        # The backup of an older state is brought to the present.
        self._write(workspace, chance, (f"more{number}" for number in range(count // 3)))
        self._sync(workspace, "a third more: rebuilt", count // 3)
        self.check_ends(workspace.call("reindex", "--backup-restore"), (0,), "an older backup restored")
        index = self._index(workspace)
        self.check(index["sequence"] == index["head"], f"the restored backup is at {index['sequence']} of {index['head']}")
        self.check_in_step(workspace, "an older backup restored")
        workspace.remove()

    def _hits(self, workspace) -> list[str]:
        return [hit.get("origin") for hit in workspace.search("journal snapshot", "--limit", "10").value().get("hits", [])]
