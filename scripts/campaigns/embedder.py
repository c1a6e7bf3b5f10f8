"""An embedder that fails once, always for one text, or whose server is down, busy, broken or talks nonsense."""

from campaign import Campaign
from documents import Tree
from embedding_server import EmbeddingServer
from freshet import Workspace

POISON = "zzpoisonedpassage"


class Embedder(Campaign):
    name = "embedder"
    summary = "embedding fails: once, for one text, at the server; nothing is lost for ever"

    def cases(self):
        calls = (1, 3) if self.options.quick else range(1, 13)
        for call in calls:
            yield f"once-{call}", lambda chance, call=call: self.fails_once(chance, call)
        yield "text", self.fails_always
        yield "all", self.fails_for_all
        quick = self.options.quick
        for behaviour in ("busy", "garbage") if quick else (
            "busy", "broken", "drop", "garbage", "short", "other-dimension", "down"
        ):
            yield f"http-{behaviour}", lambda chance, behaviour=behaviour: self.server(chance, behaviour)
        for behaviour in ("busy",) if quick else ("busy", "broken", "drop"):
            yield f"http-once-{behaviour}", lambda chance, behaviour=behaviour: self.server_once(chance, behaviour)
        yield "http-drift", self.server_drifts
        yield "untrusted", self.untrusted

    # The deterministic embedder

    def fails_once(self, chance, call: int) -> None:
        """The call-th call fails with a passing error: everything is there after that run, or after the next."""
        workspace = self.workspace(f"once-{call}")
        workspace.configure(more="embedder: { batch: 4 }\n")
        tree = Tree(workspace.docs, chance)
        tree.create(20)
        outcome = workspace.sync(FRESHET_HASH_EMBEDDER_FAIL_AT=str(call))
        self.check_ends(outcome, (0, 3), "one call failed")
        missing = 20 - len(workspace.list())
        self.check(outcome.code == 3 if missing else outcome.code == 0,
                   f"{missing} documents are missing and the exit code is {outcome.code}")
        self.check(len(outcome.lines("failure")) == outcome.documents("failed"), "failures counted and told differ")
        self.check_ends(workspace.sync(), (0,), "the next sync")
        self.check_in_step(workspace, "after the next sync")
        texts = workspace.embedded_texts()
        self.check(len(texts) == len(set(texts)), f"{len(texts) - len(set(texts))} texts were embedded twice")
        workspace.remove()

    def fails_always(self, chance) -> None:
        """One text always fails: its document alone fails, its last good state stays, and it comes when it is mended."""
        workspace = self.workspace("text")
        tree = Tree(workspace.docs, chance)
        paths = tree.create(20)
        victim = next(path for path in paths if path.endswith(".md"))
        newcomer = workspace.docs / "newcomer.md"
        self.check_ends(workspace.sync(), (0,), "first sync")
        before = {line["origin"]: line for line in workspace.list()}
        chunks_before = [line["text"] for line in workspace.export() if line["origin"] == victim]
        tree.begin_step()
        tree.edit(5)
        good = (workspace.docs / victim).read_text()
        (workspace.docs / victim).write_text(good + f"\n\nA paragraph with {POISON} in it.\n")
        newcomer.write_text(f"# New\n\nAlso {POISON} here.\n")
        poison = {"FRESHET_HASH_EMBEDDER_FAIL_TEXT": POISON}
        for number in (1, 2):
            outcome = workspace.sync(**poison)
            self.check_ends(outcome, (3, 0) if number == 2 else (3,), f"sync {number} with a text that fails")
            if number == 1:
                failures = {line["origin"]: line["error"]["code"] for line in outcome.lines("failure")}
                self.check(failures == {victim: "embedder_failed", "newcomer.md": "embedder_failed"},
                           f"failures: {failures}")
        after = {line["origin"]: line for line in workspace.list()}
        self.check(set(after) == set(before), f"other documents: {set(after) ^ set(before)}")
        self.check(after[victim]["hash"] == before[victim]["hash"], "the failed document lost its last good state")
        chunks = [line["text"] for line in workspace.export() if line["origin"] == victim]
        self.check(chunks == chunks_before, "the failed document's chunks changed")
        told = {line["origin"] for line in workspace.call("failures", "--json").lines()}
        self.check(told == {victim, "newcomer.md"}, f"`failures` tells of {told}")
        self.check(workspace.status().get("failures") == 2, f"status counts {workspace.status().get('failures')} failures")
        (workspace.docs / victim).write_text(good + "\n\nA paragraph that is right.\n")
        outcome = workspace.sync("--retry")
        self.check_ends(outcome, (0,), "the document is mended, the embedder too")
        self.check_in_step(workspace, "mended")
        self.check(not workspace.call("failures", "--json").lines(), "a failure stays on record after it is mended")
        workspace.remove()

    def fails_for_all(self, chance) -> None:
        """Every text fails: nothing is indexed, nothing is forgotten."""
        workspace = self.workspace("all")
        tree = Tree(workspace.docs, chance)
        tree.create(8)
        outcome = workspace.sync(FRESHET_HASH_EMBEDDER_FAIL_TEXT=" ")
        self.check_ends(outcome, (1, 3), "everything fails")
        self.check(not workspace.list(), "documents are in the index though none could be embedded")
        self.check_ends(workspace.sync("--retry"), (0,), "the embedder is back")
        self.check_in_step(workspace, "the embedder is back")
        workspace.remove()

    # A server

    def _served(self, label: str, chance) -> tuple[Workspace, Tree, EmbeddingServer]:
        workspace = self.workspace(label)
        server = EmbeddingServer()
        workspace.environment |= {
            "FRESHET_EMBEDDER_PROVIDER": "http",
            "FRESHET_EMBEDDER_URL": server.url,
            "FRESHET_EMBEDDER_MODEL": "campaign",
            "FRESHET_EMBEDDER_DIMENSION": "32",
        }
        tree = Tree(workspace.docs, chance)
        tree.create(12)
        return workspace, tree, server

    def server(self, chance, behaviour: str) -> None:
        """The server stops answering well between two syncs; then it is back."""
        workspace, tree, server = self._served(f"http-{behaviour}", chance)
        self.check_ends(workspace.sync(), (0,), "first sync")
        self.check_in_step(workspace, "first sync")
        asked = len(server.texts)
        before = workspace.state()
        tree.begin_step()
        tree.edit(4)
        tree.delete(1)
        tree.rename(1)
        if behaviour == "down":
            workspace.environment["FRESHET_EMBEDDER_URL"] = "http://127.0.0.1:9/v1"
            # Another address for the same model: the vectors that are there still count.
        server.behaviour = "ok" if behaviour == "down" else behaviour
        outcome = workspace.sync(seconds=180)
        self.check_ends(outcome, (1, 3), f"the server is {behaviour}")
        self.say(f"http {behaviour}: exit {outcome.code} after {outcome.seconds:.1f} s: {outcome.last_error[:160]}")
        self.check(len(server.texts) == asked, "texts were taken from a server that refuses")
        state = workspace.state()
        self.check(len(state.documents) >= 11, f"only {len(state.documents)} documents are left")
        kept = sum(before.documents.get(key) == value for key, value in state.documents.items())
        self.check(kept >= 10, f"only {kept} documents kept their last good state")
        found = workspace.search("journal", "--mode", "keyword")
        self.check(found.code == 0, f"a keyword search fails: {found}")
        self.check_verifies_or_behind(workspace)
        server.behaviour = "ok"
        workspace.environment["FRESHET_EMBEDDER_URL"] = server.url
        self.check_ends(workspace.sync("--retry"), (0,), "the server is back")
        self.check_in_step(workspace, "the server is back")
        server.close()
        workspace.remove()

    def check_verifies_or_behind(self, workspace: Workspace) -> None:
        """With failures on record `verify` may say that documents are behind their sources, and nothing else."""
        problems = workspace.verify().get("problems", [])
        codes = {problem.get("code") for problem in problems}
        self.check(not codes or len(workspace.call("failures", "--json").lines()) > 0,
                   f"verify finds {codes} though no failure is on record")

    def server_once(self, chance, behaviour: str) -> None:
        """One request goes wrong: a retry mends it within the run."""
        workspace, _, server = self._served(f"http-once-{behaviour}", chance)
        server.behaviour = f"once-{behaviour}"
        outcome = workspace.sync(seconds=60)
        self.check_ends(outcome, (0,), f"one request was answered {behaviour}")
        self.check(server.refused == 1, f"{server.refused} requests were refused")
        self.check_in_step(workspace, f"one request was answered {behaviour}")
        server.close()
        workspace.remove()

    def server_drifts(self, chance) -> None:
        """Another model answers behind the same name: refused, and what is there stays."""
        workspace, tree, server = self._served("http-drift", chance)
        self.check_ends(workspace.sync(), (0,), "first sync")
        import embedding_server
        original = embedding_server.vector
        embedding_server.vector = lambda text, dimension: original("another model " + text, dimension)
        try:
            before = workspace.state()
            tree.begin_step()
            tree.edit(2)
            outcome = workspace.sync(seconds=60)
            self.check_ends(outcome, (1, 3), "another model behind the name")
            self.check(workspace.state().documents == before.documents, "documents changed")
        finally:
            embedding_server.vector = original
        self.check_ends(workspace.sync("--retry"), (0,), "the model is back")
        self.check_in_step(workspace, "the model is back")
        server.close()
        workspace.remove()

    def untrusted(self, chance) -> None:
        """A configuration that names a server is not followed before `trust`: nothing is sent."""
        workspace, tree, server = self._served("untrusted", chance)
        for key in ("FRESHET_EMBEDDER_URL", "FRESHET_EMBEDDER_PROVIDER"):
            del workspace.environment[key]
        workspace.configure(more=f"embedder: {{ provider: http, url: '{server.url}', model: campaign, dimension: 32 }}\n")
        outcome = workspace.sync()
        self.check_ends(outcome, (1, 64), "an untrusted configuration")
        self.check("trust" in outcome.errors, f"the remedy is not named: {outcome.last_error}")
        self.check(server.requests == 0, f"{server.requests} requests were sent without trust")
        self.check_ends(workspace.sync("--trust"), (0,), "--trust")
        self.check(server.requests > 0, "nothing was sent with --trust")
        server.close()
        workspace.remove()
