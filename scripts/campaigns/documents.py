"""Made-up documents whose paragraphs are all different, and trees of them that change as real ones do."""

import json
import pathlib
import random

WORDS = (
    "access account address agent archive backup balance batch bearer border bridge buffer cable cache canal capacity "
    "channel circuit client cluster column command commit compiler config contract cookie counter cursor daemon "
    "database deadline decoder default delivery device digest directory driver edition encoder engine entry epoch "
    "error event export failure feature field filter folder format forward frame gateway granularity handler hash "
    "header history import index inode insert interval journal kernel key label latency layer ledger library limit "
    "listener lock manifest margin memory merge message metric mirror model module monitor mount network node notice "
    "object offset operator option order origin owner packet page parser partition passage path pattern payload peer "
    "pipeline plan policy port position prefix process profile promise protocol proxy query queue quota range rate "
    "reader record recovery region register relay release replica report request resource restore result retention "
    "retry revision river rollback root router rule sample schedule schema scope segment sensor sequence server "
    "session shard signal snapshot socket source spring stage standard state station storage stream string subject "
    "summary switch symbol system table target task tenant thread threshold ticket token tunnel update upload user "
    "vector vendor version volume watcher window worker writer zone"
).split()


def sentence(chance: random.Random) -> str:
    words = [chance.choice(WORDS) for _ in range(chance.randint(7, 16))]
    return " ".join(words).capitalize() + f" {chance.randrange(10**6):06d}."


def paragraph(chance: random.Random) -> str:
    return " ".join(sentence(chance) for _ in range(chance.randint(3, 7)))


def document(chance: random.Random, suffix: str, paragraphs: int) -> bytes:
    """A document in the format that the suffix names."""
    title = " ".join(chance.choice(WORDS) for _ in range(3)).capitalize()
    body = [paragraph(chance) for _ in range(paragraphs)]
    if suffix == ".json":
        return json.dumps({"title": title, "content": "\n\n".join(body)}).encode()
    if suffix == ".html":
        text = "".join(f"<p>{one}</p>\n" for one in body)
        return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>\n{text}</body></html>".encode()
    if suffix == ".txt":
        return ("\n\n".join(body) + "\n").encode()
    pieces = [f"# {title}"]
    for number, one in enumerate(body):
        if number and number % 4 == 0:
            pieces.append(f"## {sentence(chance)[:40].rsplit(' ', 1)[0]}")
        pieces.append(one)
    return ("\n\n".join(pieces) + "\n").encode()


class Tree:
    """A folder of documents and the versions that each should have: the changes that § 3 of the design names."""

    SUFFIXES = (".md", ".md", ".md", ".html", ".txt", ".json")

    def __init__(self, root: pathlib.Path, chance: random.Random, paragraphs: tuple[int, int] = (2, 9)):
        self.root = root
        self.chance = chance
        self.paragraphs = paragraphs
        self.versions: dict[str, int] = {}  # of live documents
        self.deleted: dict[str, tuple[int, bytes]] = {}  # versions at the deletion, content
        self._number = 0
        self._touched: set[str] = set()
        self._same: set[str] = set()  # copies and their originals: deleting one while another appears would be a rename

    def begin_step(self) -> None:
        """What follows happens between two syncs: no document is changed twice in it."""
        self._touched.clear()

    def create(self, count: int, folder: str = "") -> list[str]:
        made = []
        for _ in range(count):
            self._number += 1
            suffix = self.chance.choice(self.SUFFIXES)
            place = folder or self.chance.choice(("", "guide/", "guide/deep/", "reference/"))
            path = f"{place}doc{self._number:04d}{suffix}"
            self._write(path, document(self.chance, suffix, self.chance.randint(*self.paragraphs)))
            self.versions[path] = 1
            made.append(path)
        return made

    def edit(self, count: int) -> None:
        """Replaces a sentence in one paragraph of each."""
        for path in self._pick(count):
            text = (self.root / path).read_text()
            start = self.chance.randrange(len(text))
            begin = text.find(". ", start)
            if begin < 0:
                begin = text.find(". ")
            changed = text[: begin + 2] + sentence(self.chance) + " " + text[begin + 2 :]
            self._write(path, changed.encode())
            self.versions[path] += 1

    def rewrite(self, count: int) -> None:
        """Replaces everything in each."""
        for path in self._pick(count):
            suffix = pathlib.Path(path).suffix
            self._write(path, document(self.chance, suffix, self.chance.randint(*self.paragraphs)))
            self.versions[path] += 1

    def rename(self, count: int) -> None:
        for path in self._pick(count):
            self._number += 1
            place = self.chance.choice(("", "guide/", "moved/"))
            to = f"{place}moved{self._number:04d}{pathlib.Path(path).suffix}"
            (self.root / to).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).rename(self.root / to)
            self.versions[to] = self.versions.pop(path) + 1
            self._touched.add(to)

    def copy(self, count: int) -> None:
        for path in self._pick(count):
            self._number += 1
            to = f"copy{self._number:04d}{pathlib.Path(path).suffix}"
            self._write(to, (self.root / path).read_bytes())
            self.versions[to] = 1
            self._same.update((path, to))

    def delete(self, count: int) -> None:
        for path in self._pick(count):
            self.deleted[path] = (self.versions.pop(path) + 1, (self.root / path).read_bytes())
            (self.root / path).unlink()

    def bring_back(self, count: int) -> None:
        """Deleted documents return with their content."""
        candidates = sorted(self.deleted.keys() - self._touched)
        for path in self.chance.sample(candidates, min(count, len(candidates))):
            versions, content = self.deleted.pop(path)
            self._write(path, content)
            self.versions[path] = versions + 1

    def _pick(self, count: int) -> list[str]:
        candidates = sorted(self.versions.keys() - self._touched - self._same)
        picked = self.chance.sample(candidates, min(count, len(candidates)))
        self._touched.update(picked)
        return picked

    def _write(self, path: str, content: bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        self._touched.add(path)
