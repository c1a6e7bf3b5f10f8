"""The embedder is down for minutes beside a running service: nothing is lost, nothing else stops, nothing is paid twice."""

import collections
import time

from campaign import Campaign
from documents import Tree, paragraph
from embedding_server import EmbeddingServer
from watching import Service, check_same

TWO_SOURCES = "  - { name: docs, path: docs }\n  - { name: notes, path: notes }\n"
MINUTES_DOWN = 5.0
DOCUMENTS = 150  # of each source: one is renamed every two or three seconds while it is down, and none of them twice
SECONDS_TO_CATCH_UP = 90.0  # after the embedder is back
SECONDS_A_CHANGE = 35.0  # until something is seen that needs no embedding: the longest that a call is waited for, and some
BEHAVIOURS = ("refuse", "hang", "busy", "broken")


class Outage(Campaign):
    name = "outage"
    summary = "the embedder refuses, hangs or is busy for minutes beside the service: nothing lost, nothing paid twice"

    def __init__(self, options):
        super().__init__(options)
        self.figures: list[str] = []

    def cases(self):
        for behaviour in BEHAVIOURS[:1] if self.options.quick else BEHAVIOURS:
            yield behaviour, lambda chance, behaviour=behaviour: self.down(chance, (behaviour,), "keep_old")
        if not self.options.quick:
            yield "in-turn", lambda chance: self.down(chance, BEHAVIOURS, "keep_old")
            yield "keywords", lambda chance: self.down(chance, ("refuse",), "keyword_first")

    def report(self) -> None:
        for figure in self.figures:
            self.say(figure)

    def down(self, chance, behaviours: tuple[str, ...], policy: str) -> None:
        quick = self.options.quick
        what = f"{', '.join(behaviours)}, {policy}"
        workspace = self.workspace(f"{'-'.join(behaviours)}-{policy}")
        server = EmbeddingServer()
        server.retry_after = 1 if quick else 20
        notes = workspace.folder / "notes"
        notes.mkdir()
        workspace.configure(
            TWO_SOURCES, more=f"embedder: {{ batch: 8 }}\nsync: {{ max_delete_ratio: 1.0, on_embedder_down: {policy} }}\n")
        workspace.environment |= {
            "FRESHET_EMBEDDER_PROVIDER": "http", "FRESHET_EMBEDDER_URL": server.url, "FRESHET_EMBEDDER_MODEL": "campaign",
            "FRESHET_EMBEDDER_DIMENSION": "32", "FRESHET_EMBEDDER_TIMEOUT": "2s" if quick else "20s",
        }
        trees = [Tree(workspace.docs, chance, paragraphs=(1, 4)), Tree(notes, chance, paragraphs=(1, 3))]
        for tree in trees:
            tree.create(30 if quick else DOCUMENTS)
        self.untouched = {tree.root: set(tree.versions) for tree in trees}
        service = Service(workspace)
        try:
            self.check(service.ready() and service.quiet(), "the service does not come up")
            self._down(chance, what, service, server, trees, behaviours, policy)
        finally:
            service.running.kill()
            service.wait()
            if server.behaviour != "refuse":
                server.close()
        self.discard(workspace)

    def _down(self, chance, what, service, server, trees, behaviours, policy) -> None:
        workspace, quick = service.workspace, self.options.quick
        seconds = (6.0 if quick else MINUTES_DOWN * 60) / len(behaviours)
        answered = len(server.texts)
        changes = collections.Counter()
        said_down, waits = False, []
        for behaviour in behaviours:
            self._behave(server, behaviour)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for tree in trees:
                    tree.begin_step()
                    tree.edit(1)
                    tree.create(1)
                    changes["need vectors"] += 2
                time.sleep(0.3 if quick else 2.0)
                # What needs no embedding is not held up by what does.
                waits.append(self._moved(chance, service, trees[changes["renames"] % 2], what))
                changes["renames"] += 1
                status = service.status()
                self.check(status or not service.has_ended(), f"{what}: the service does not answer")
                said_down = said_down or status.get("embedder_down", False)
        self.check(len(server.texts) == answered, f"{what}: texts were taken while it was down")
        self.check(said_down, f"{what}: status never said that the embedder is down")
        found = workspace.search("journal", "--mode", "keyword")
        self.check(found.code == 0 and found.value().get("hits"), f"{what}: a keyword search finds nothing: {found}")
        if policy == "keyword_first":
            self._found_by_keyword(service, trees[0], what)
        failed_before = len(workspace.call("failures", "--json").lines())
        back = time.monotonic()
        if server.behaviour == "refuse":
            server.listen()
        server.behaviour = "ok"
        took = self._caught_up(service, back)
        self.check(took is not None, f"{what}: not caught up {SECONDS_TO_CATCH_UP:.0f} s after it was back: "
                                     f"{len(workspace.call('failures', '--json').lines())} failures, {service.status()}")
        # Each connection begins with the sentence that proves the model to be the same.
        texts = [text for text in server.texts if text != server.texts[0]]
        again = len(texts) - len(set(texts))
        self.check(again == 0, f"{what}: {again} texts were paid twice, such as "
                               f"{[text for text, count in collections.Counter(texts).items() if count > 1][:1]}")
        if took is None:
            # So that it can be told whether anything is lost, or only late.
            workspace.call("failures", "retry")
            self.check_ends(service.stop(), (0, 130), "stopped")
            self.check_ends(workspace.sync("--retry", seconds=300), (0,), "synced by hand")
            self.check_in_step(workspace, f"{what}: synced by hand")
            return
        check_same(self, service, what)
        self.check(not workspace.call("failures", "--json").lines(), f"{what}: failures stay on record")
        self.check_ends(service.stop(), (0, 130), "stopped")
        waits.sort()
        self.figures.append(
            f"{what}: {seconds * len(behaviours):.0f} s down, {changes['need vectors']} changes that need vectors "
            f"({failed_before} failures on record at its end), caught up {took:.1f} s after it was back; "
            f"{server.refused} requests in vain, {again} texts paid twice; renames meanwhile seen after "
            f"{waits[len(waits) // 2]:.1f} s, at most {waits[-1]:.1f} s")

    def _behave(self, server: EmbeddingServer, behaviour: str) -> None:
        if server.behaviour == "refuse" and behaviour != "refuse":
            server.listen()
        if behaviour == "refuse":
            server.refuse()
        else:
            server.behaviour = behaviour

    def _moved(self, chance, service: Service, tree: Tree, what: str) -> float:
        """Renames a document that was never touched; answers how long that took to be seen."""
        path = next(path for path in sorted(self.untouched[tree.root]) if tree.versions.get(path) == 1)
        to = f"moved-{path.replace('/', '-')}"
        (tree.root / path).rename(tree.root / to)
        tree.versions[to] = tree.versions.pop(path) + 1
        begin = time.monotonic()
        while time.monotonic() - begin < SECONDS_A_CHANGE:
            if any(line["origin"] == to for line in service.workspace.list()):
                return time.monotonic() - begin
            time.sleep(0.05)
        self.check(False, f"{what}: a rename was not seen in {SECONDS_A_CHANGE:.0f} s")
        return SECONDS_A_CHANGE

    def _found_by_keyword(self, service: Service, tree: Tree, what: str) -> None:
        """What was written while it is down is found by its words."""
        token = "zzkeywordsfirst"
        (tree.root / "late.md").write_text(f"# Late\n\nThe {token} is here.\n")
        begin = time.monotonic()
        hits = []
        while not hits and time.monotonic() - begin < SECONDS_A_CHANGE:
            hits = service.workspace.search(token, "--mode", "keyword").value().get("hits", [])
        self.check(hits, f"{what}: a new text is not found by keyword while the embedder is down")
        self.check(service.workspace.status().get("awaiting_vectors", 0) > 0,
                   f"{what}: status counts nothing that awaits vectors")

    def _caught_up(self, service: Service, back: float) -> float | None:
        """Seconds until no document fails or waits any more."""
        while time.monotonic() - back < SECONDS_TO_CATCH_UP:
            status = service.workspace.status()
            daemon = status.get("daemon") or {}
            if (not status.get("failures") and not status.get("awaiting_vectors") and not daemon.get("working")
                    and not daemon.get("queue") and not daemon.get("embedder_down")):
                return time.monotonic() - back
            time.sleep(0.2)
        return None
