"""What an edit costs: one paragraph edited, inserted or deleted in each of many real documents."""

import pathlib
import random
import re
import shutil

from campaign import Campaign, Skipped
from documents import sentence

ROOT = pathlib.Path(__file__).resolve().parents[2]
HTML_PARAGRAPH = re.compile(r"<p\b[^>]*>(?P<text>(?:(?!</?(?:p|div|ul|ol|table|pre|dl|li)\b).)+?)</p>", re.S | re.I)
TEXT_PARAGRAPH = re.compile(r"(?:(?<=\n\n)|\A)(?P<text>[A-Z][^\n]*(?:\n[^\s\n=\-+|#*.:~^\"'][^\n]*)*)(?=\n\n|\n?\Z)")
SHORTEST = 150  # characters of a paragraph of prose
FEWEST = 5  # paragraphs of a document that is taken
# What § 6 of the design promises of the chunks that one edit changes.
MEAN_MOST, HIGH_MOST = 1.8, 3
ENOUGH = 100  # documents, below which a mean and a percentile are chance
ANY_MOST = 8  # chunks within the reach of one edit


def paragraphs(path: pathlib.Path, text: str) -> list[re.Match]:
    pattern = HTML_PARAGRAPH if path.suffix == ".html" else TEXT_PARAGRAPH
    found = [match for match in pattern.finditer(text) if len(match["text"]) >= SHORTEST and ". " in match["text"]]
    return [match for match in found if "::" not in match["text"]]


def prose(chance: random.Random) -> str:
    return " ".join(sentence(chance) for _ in range(4))


def edited(chance, path, text, found) -> str:
    """One sentence of a paragraph is another."""
    match = chance.choice(found)
    old = match["text"]
    parts = re.split(r"(?<=\.) ", old)
    parts[chance.randrange(len(parts))] = sentence(chance)
    return text[: match.start("text")] + " ".join(parts) + text[match.end("text") :]


def _insert(chance, path, text, match) -> str:
    if path.suffix == ".html":
        return text[: match.start()] + f"<p>{prose(chance)}</p>\n" + text[match.start() :]
    return text[: match.start()] + prose(chance) + "\n\n" + text[match.start() :]


def inserted_first(chance, path, text, found) -> str:
    return _insert(chance, path, text, found[0])


def inserted_within(chance, path, text, found) -> str:
    return _insert(chance, path, text, chance.choice(found[1:]))


def deleted(chance, path, text, found) -> str:
    match = chance.choice(found)
    return text[: match.start()] + text[match.end() :].removeprefix("\n\n")


OPERATIONS = {
    "edited": edited, "inserted first": inserted_first, "inserted within": inserted_within, "deleted": deleted,
}


class Edits(Campaign):
    name = "edits"
    summary = "chunks embedded by one paragraph's edit, in real documents"

    def cases(self):
        yield "edits", self.edits

    def edits(self, chance) -> None:
        wanted = 30 if self.options.quick else 200
        workspace = self.workspace("edits")
        originals = self._take(workspace, chance, wanted)
        self.check_ends(workspace.sync(seconds=600), (0, 3), "first sync")
        failed = {line["origin"] for line in workspace.call("failures", "--json").lines()}
        counts = {line["origin"]: line["chunks"] for line in workspace.list()}
        originals = {path: text for path, text in originals.items() if path in counts and path not in failed}
        self.say(f"{len(originals)} documents, {sum(counts.values())} chunks")
        self.check(len(originals) >= (5 if self.options.quick else wanted * 0.9),
                   f"only {len(originals)} of {wanted} documents were indexed")
        for name, operation in OPERATIONS.items():
            for path, text in originals.items():
                place = workspace.docs / path
                place.write_text(operation(chance, place, text, paragraphs(place, text)))
            outcome = workspace.sync(seconds=600)
            self.check_ends(outcome, (0, 3), name)
            lines = {line["origin"]: line["chunks"] for line in outcome.lines("document")}
            self._judge(name, [lines[path] for path in originals if path in lines], len(originals))
            self.check_in_step(workspace, name)
            for path, text in originals.items():
                (workspace.docs / path).write_text(text)
            back = workspace.sync(seconds=600)
            self.check(back.embedded == 0, f"{name}, taken back: {back.embedded} texts embedded again")
        workspace.remove()

    def _judge(self, name: str, changes: list[dict], documents: int) -> None:
        self.check(len(changes) == documents, f"{name}: {len(changes)} of {documents} documents changed")
        if not changes:
            return
        numbers = sorted(change["embedded"] for change in changes)
        mean, high, most = sum(numbers) / len(numbers), numbers[int(0.99 * (len(numbers) - 1))], numbers[-1]
        self.say(f"{name}: chunks embedded per document: mean {mean:.2f}, 99th percentile {high}, most {most}")
        self.check(most <= ANY_MOST, f"{name}: {most} chunks of one document, more than {ANY_MOST}")
        if documents < ENOUGH:
            return
        self.check(mean <= MEAN_MOST, f"{name}: {mean:.2f} chunks on average, {MEAN_MOST} are promised")
        self.check(high <= HIGH_MOST, f"{name}: {high} chunks at the 99th percentile, {HIGH_MOST} are promised")

    def _take(self, workspace, chance, wanted: int) -> dict[str, str]:
        """Copies documents with enough prose into the workspace; answers their texts by path."""
        corpus = self.corpus()
        taken: dict[str, str] = {}
        files = sorted(path for path in corpus.rglob("*") if path.suffix in (".html", ".md", ".txt", ".rst"))
        chance.shuffle(files)
        for file in files:
            try:
                text = file.read_bytes().decode()
            except (UnicodeDecodeError, OSError):
                continue
            if len(paragraphs(file, text)) < FEWEST:
                continue
            path = str(file.relative_to(corpus))
            (workspace.docs / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, workspace.docs / path)
            taken[path] = text
            if len(taken) == wanted:
                return taken
        if len(taken) < min(5, wanted):
            raise Skipped(f"{corpus} holds too few documents with enough prose; build the corpus with scripts/corpus")
        return taken

    def corpus(self) -> pathlib.Path:
        for place in (self.options.corpus, ROOT / ".toolchain/bench/corpus", ROOT / "Examples/handbook"):
            if place and place.is_dir():
                return place
        raise Skipped("there are no real documents; build the corpus with scripts/corpus, or name one with --corpus")
