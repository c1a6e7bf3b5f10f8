"""The whole life of real documents, beside a model of it: history, diff, restore, audit and the past must agree with it."""

import dataclasses
import hashlib
import pathlib
import random
import shutil
import subprocess

from campaign import Campaign
from prose import OPERATIONS, paragraphs, take

MOST_COMPARED = 60  # versions and diffs read one by one
QUERIES = 6
SCORE_TOLERANCE = 1e-5


@dataclasses.dataclass
class Version:
    change: str
    content: bytes
    origin: str
    before: str | None = None  # the origin before a rename


@dataclasses.dataclass
class Document:
    """What should be known of one document."""

    origin: str
    versions: list[Version]

    @property
    def is_live(self) -> bool:
        return self.versions[-1].change != "deleted"

    @property
    def content(self) -> bytes:
        return self.versions[-1].content

    def compared(self, number: int) -> bytes:
        """The content of a version as a diff sees it: a deletion has none."""
        version = self.versions[number - 1]
        return b"" if version.change == "deleted" else version.content

    def add(self, change: str, content: bytes | None = None, origin: str | None = None) -> None:
        before = self.origin if change == "renamed" else None
        self.origin = origin or self.origin
        self.versions.append(Version(change, self.content if content is None else content, self.origin, before))


@dataclasses.dataclass
class Moment:
    """A state of the collection that is asked for later."""

    name: str
    sequence: int
    live: dict[str, bytes]


class Life(Campaign):
    name = "life"
    summary = "200 real documents created, edited, renamed, deleted, restored: everything agrees with a model"

    def cases(self):
        yield "life", self.life

    def life(self, chance) -> None:
        self.workspace_ = workspace = self.workspace("life")
        self.documents: list[Document] = []
        self.moments: list[Moment] = []
        self.trees = self.folder / "trees"
        originals = take(self, workspace, chance, 24 if self.options.quick else 200)
        for path, text in originals.items():
            content = (workspace.docs / path).read_bytes()
            self.documents.append(Document(path, [Version("created", content, path)]))
        self._step("created", created=len(self.documents))
        for number in range(2 if self.options.quick else 5):
            self._round(chance, f"round {number + 1}")
        self.check_in_step(workspace, "at the end")
        self._compare_histories(chance)
        self._compare_audit()
        self._compare_past(chance)
        for moment in self.moments:
            shutil.rmtree(self.trees / moment.name, ignore_errors=True)
        workspace.remove()

    # Living

    def _round(self, chance: random.Random, name: str) -> None:
        live = [document for document in self.documents if document.is_live]
        chance.shuffle(live)
        share = max(1, len(live) // 10)
        edited, renamed, deleted, reverted = live[:share * 2], live[share * 2:share * 3], live[share * 3:share * 4], []

        count = 0
        for document in edited:
            place = self._place(document)
            text = document.content.decode()
            found = paragraphs(place, text)
            if len(found) < 2:
                continue
            operation = chance.choice(list(OPERATIONS.values()))
            content = operation(chance, place, text, found).encode()
            if content != document.content:
                place.write_bytes(content)
                document.add("modified", content)
                count += 1
        self._step(f"{name}, edited", modified=count)

        for document in renamed:
            before = self._place(document)
            to = f"moved/{name.replace(' ', '')}/{pathlib.Path(document.origin).name}"
            if (self.workspace_.docs / to).exists():
                continue
            (self.workspace_.docs / to).parent.mkdir(parents=True, exist_ok=True)
            before.rename(self.workspace_.docs / to)
            document.add("renamed", origin=to)
        self._step(f"{name}, renamed", free=True, renamed=sum(one.versions[-1].change == "renamed" for one in renamed))

        for document in deleted:
            self._place(document).unlink()
            document.add("deleted")
        self._step(f"{name}, deleted", free=True, deleted=len(deleted))

        # Some come back as files, some by the command; and some live ones go back to an older version.
        gone = [document for document in self.documents if not document.is_live]
        chance.shuffle(gone)
        half = len(gone) // 2
        for document in gone[:half // 2]:
            self._place(document).parent.mkdir(parents=True, exist_ok=True)
            self._place(document).write_bytes(document.content)
            document.add("restored")
        self._step(f"{name}, put back", free=True, restored=half // 2)
        for document in gone[half // 2:half]:
            self._restore(document, len(document.versions), "restored")
        for document in edited[:3]:
            contents = [version.content for version in document.versions]
            older = [number for number, content in enumerate(contents, 1) if content != document.content]
            if older and document.is_live:
                self._restore(document, chance.choice(older), "modified")
        self._remember(f"{name} at its end")

    def _restore(self, document: Document, number: int, change: str) -> None:
        content = document.versions[number - 1].content
        before = len(self.workspace_.embedded_texts())
        outcome = self.workspace_.call("restore", "--json", "--version", str(number), f"docs:{document.origin}")
        what = f"restore version {number} of {document.origin}"
        if not self.check_ends(outcome, (0,), what):
            return
        self.check(self._place(document).read_bytes() == content, f"{what}: the file is not that version")
        embedded = len(self.workspace_.embedded_texts()) - before
        self.check(embedded == 0, f"{what}: {embedded} texts embedded")
        document.add(change, content)

    def _step(self, name: str, free: bool = False, **expected: int) -> None:
        """A sync after one kind of change; `free` where nothing may be embedded."""
        before = len(self.workspace_.embedded_texts())
        outcome = self.workspace_.sync("--allow-mass-delete", "--actor", name, seconds=600)
        self.check_ends(outcome, (0,), name)
        for kind in ("created", "modified", "renamed", "restored", "deleted"):
            found = outcome.documents(kind)
            self.check(found == expected.get(kind, 0), f"{name}: {found} {kind} instead of {expected.get(kind, 0)}")
        embedded = len(self.workspace_.embedded_texts()) - before
        if free:
            self.check(embedded == 0, f"{name}: {embedded} texts embedded")
        self.say(f"{name}: {', '.join(f'{count} {kind}' for kind, count in expected.items())}; {embedded} embedded")
        self._remember(name)

    def _remember(self, name: str) -> None:
        sequence = self.workspace_.status()["sequence"]
        live = {document.origin: document.content for document in self.documents if document.is_live}
        self.moments.append(Moment(name, sequence, live))

    def _place(self, document: Document) -> pathlib.Path:
        return self.workspace_.docs / document.origin

    # Comparing

    def _compare_histories(self, chance: random.Random) -> None:
        pairs: list[tuple[Document, int]] = []
        for document in self.documents:
            found = self.workspace_.history(f"docs:{document.origin}")
            wanted = [
                (number, one.change, hashlib.sha256(one.content).hexdigest(), len(one.content), one.before)
                for number, one in enumerate(document.versions, 1)
            ]
            told = [
                (line["version"], line["change"], line["hash"].removeprefix("sha256:"), line["size"], line.get("from"))
                for line in found
            ]
            self.check(told == wanted, f"history of {document.origin}: {told} instead of {wanted}")
            pairs += [(document, number) for number in range(1, len(document.versions) + 1)]
        chance.shuffle(pairs)
        patched = 0
        for document, number in pairs[:MOST_COMPARED]:
            name = f"docs:{document.origin}"
            shown = self.workspace_.folder.parent / "shown"
            outcome = self.workspace_.call("restore", "--version", str(number), "-o", str(shown), "--force", name)
            content = document.versions[number - 1].content
            self.check(
                outcome.code == 0 and shown.read_bytes() == content, f"version {number} of {name} is another: {outcome}"
            )
            if number > 1:
                patched += self._compare_diff(document, number)
        self.say(f"{len(self.documents)} histories, {min(len(pairs), MOST_COMPARED)} contents, {patched} diffs compared")

    def _compare_diff(self, document: Document, number: int) -> bool:
        old, new = document.compared(number - 1), document.compared(number)
        outcome = self.workspace_.call(
            "diff", "--raw", "--json", "-f", str(number - 1), "-t", str(number), f"docs:{document.origin}"
        )
        told = outcome.value()
        what = f"diff of versions {number - 1} and {number} of {document.origin}"
        if not self.check(outcome.code == 0 and "diff" in told, f"{what}: {outcome}"):
            return False
        if old == new:
            return self.check(told["additions"] == told["deletions"] == 0, f"{what}: {told['additions']} additions")
        file = self.workspace_.folder.parent / "patched"
        file.write_bytes(old)
        patch = ["patch", "--silent", "--no-backup-if-mismatch", "--binary", str(file)]
        result = subprocess.run(patch, input=told["diff"].encode(), capture_output=True)
        patched = file.read_bytes() if file.exists() else b""
        return self.check(result.returncode == 0 and patched == new, f"{what}: patch does not give the new one")

    def _compare_audit(self) -> None:
        lines = self.workspace_.call("audit", "--json").lines()
        header = next(iter(line for line in lines if line.get("type") == "audit"), {})
        changes: dict[str, int] = {}
        for document in self.documents:
            for version in document.versions:
                changes[version.change] = changes.get(version.change, 0) + 1
        self.check(header.get("by_change") == changes, f"audit: {header.get('by_change')} instead of {changes}")
        told = {line["origin"]: line["changes"] for line in lines if line.get("type") == "document"}
        wanted = {document.origin: len(document.versions) for document in self.documents}
        self.check(told == wanted, "audit: counts by document are not those of the model")
        rows = [line for line in lines if line.get("type") == "change"]
        self.check(len(rows) == sum(changes.values()), f"audit: {len(rows)} changes of {sum(changes.values())}")
        actors = {moment.name for moment in self.moments}
        self.check(
            actors.issuperset(set(header.get("by_actor", {})) - self._own_actor(header)), f"audit: {header.get('by_actor')}"
        )

    @staticmethod
    def _own_actor(header: dict) -> set[str]:
        """Who ran the calls that named nobody."""
        return {actor for actor in header.get("by_actor", {}) if "@" in actor}

    def _compare_past(self, chance: random.Random) -> None:
        moments = self.moments if len(self.moments) <= 4 else chance.sample(self.moments, 4)
        searches = 0
        for moment in sorted(moments, key=lambda one: one.sequence):
            told = {
                line["origin"]: line["hash"].removeprefix("sha256:")
                for line in self.workspace_.call("list", "--json", "--as-of", str(moment.sequence)).lines()
            }
            wanted = {origin: hashlib.sha256(content).hexdigest() for origin, content in moment.live.items()}
            self.check(told == wanted, f"list as of {moment.name}: not the documents of that time")
            searches += self._compare_searches(chance, moment)
        self.say(f"{searches} searches as of {len(moments)} moments compared with collections synced then")

    def _compare_searches(self, chance: random.Random, moment: Moment) -> int:
        """Searches as of a moment against a collection that was synced with the documents of that moment."""
        fresh = self.workspace(f"as of {moment.sequence}")
        for origin, content in moment.live.items():
            place = fresh.docs / origin
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        self.check_ends(fresh.sync(seconds=600), (0,), f"a first sync of {moment.name}")
        for _ in range(QUERIES):
            words = chance.choice(list(moment.live.values())).decode(errors="replace").split()
            start = chance.randrange(max(1, len(words) - 6))
            query = " ".join(word for word in words[start:start + 5] if word.isalnum()) or "the"
            mode = chance.choice(("keyword", "vector", "hybrid"))
            past = self.workspace_.search(query, "--mode", mode, "-k", "10", "--as-of", str(moment.sequence))
            then = fresh.search(query, "--mode", mode, "-k", "10")
            what = f"{mode} search for {query!r} as of {moment.name}"
            if self.check(past.code == then.code == 0, f"{what}: {past}, {then}"):
                self._compare_hits(past.value().get("hits", []), then.value().get("hits", []), what)
        fresh.remove()
        return QUERIES

    def _compare_hits(self, past: list[dict], then: list[dict], what: str) -> None:
        scores = [[hit["score"] for hit in hits] for hits in (past, then)]
        close = len(scores[0]) == len(scores[1]) and all(abs(a - b) <= SCORE_TOLERANCE for a, b in zip(*scores))
        if not self.check(close, f"{what}: scores {scores[0]} instead of {scores[1]}"):
            return
        # Hits of the last score may be others of the same score.
        last = then[-1]["score"] if then else 0

        def certain(hits: list[dict]) -> list[tuple]:
            return sorted((hit["origin"], hit["text"]) for hit in hits if hit["score"] > last + SCORE_TOLERANCE)

        self.check(certain(past) == certain(then), f"{what}: other hits than a collection of that time")
