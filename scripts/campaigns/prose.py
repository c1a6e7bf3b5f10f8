"""Real documents with prose, and the edits that people make in them."""

import pathlib
import random
import re
import shutil

from campaign import Campaign, Skipped
from documents import sentence
from freshet import Workspace

ROOT = pathlib.Path(__file__).resolve().parents[2]
HTML_PARAGRAPH = re.compile(r"<p\b[^>]*>(?P<text>(?:(?!</?(?:p|div|ul|ol|table|pre|dl|li)\b).)+?)</p>", re.S | re.I)
TEXT_PARAGRAPH = re.compile(r"(?:(?<=\n\n)|\A)(?P<text>[A-Z][^\n]*(?:\n[^\s\n=\-+|#*.:~^\"'][^\n]*)*)(?=\n\n|\n?\Z)")
SHORTEST = 150  # characters of a paragraph of prose
FEWEST = 5  # paragraphs of a document that is taken


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


def take(campaign: Campaign, workspace: Workspace, chance: random.Random, wanted: int) -> dict[str, str]:
    """Copies documents with enough prose into the workspace; answers their texts by path."""
    corpus = folder(campaign)
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


def folder(campaign: Campaign) -> pathlib.Path:
    """Where real documents are."""
    for place in (campaign.options.corpus, ROOT / ".toolchain/bench/corpus", ROOT / "Examples/handbook"):
        if place and place.is_dir():
            return place
    raise Skipped("there are no real documents; build the corpus with scripts/corpus, or name one with --corpus")
