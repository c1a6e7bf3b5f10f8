"""Processes that change a tree at full speed, all at once: as people, editors, version control and copying programs do."""

import collections
import dataclasses
import fcntl
import json
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import time

from documents import paragraph

MARK = re.compile(rb"T[0-9a-f]{12}")
WHOLE = re.compile(rb"End (T[0-9a-f]{12})\.")
SUFFIXES = (".md", ".md", ".md", ".txt", ".txt", ".html", ".json")
LOOKS_EVERY = 400  # operations, after which a writer looks what the others made of the tree
LARGE_SHARE = 0.004  # of the documents have some hundred paragraphs, written in many pieces
POOL = 400  # paragraphs that documents are made of

# How often which operation comes, in parts.
WEIGHTS = {
    "create": 20, "edit": 26, "append": 4, "atomic save": 12, "backup save": 6, "delete and write": 4, "touch": 3,
    "rename": 11, "copy": 2, "delete": 9, "make folder": 2, "rename folder": 2.0, "tree out": 0.7, "tree in": 1.2,
    "delete tree": 0.3, "swap": 1,
}


def is_whole(content: bytes) -> bool:
    """Whether a content is one that a writer meant: it begins and ends with the same mark."""
    marks, end = MARK.findall(content), WHOLE.findall(content)
    return bool(marks and end and marks[0] == end[-1])


@dataclasses.dataclass
class Storm:
    """The processes and what they did."""

    root: pathlib.Path
    outside: pathlib.Path
    operations: int  # in all; 0: until stopped
    files: int  # about as many files live at a time
    pause: float = 0.0  # seconds after each operation
    writers: int = 4

    def start(self, chance: random.Random) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.outside.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("fork")
        self.began = time.monotonic()
        self._stop = context.Event()
        self._queue = context.SimpleQueue()
        each = self.operations // self.writers if self.operations else 0
        self._processes = [
            context.Process(target=self._work, args=(number, chance.random(), each), daemon=True)
            for number in range(self.writers)
        ]
        for process in self._processes:
            process.start()

    def is_over(self) -> bool:
        return not any(process.is_alive() for process in self._processes)

    def finish(self) -> collections.Counter:
        """Waits for the writers' own end, or tells them to stop when they have none; what they did, by operation."""
        if not self.operations:
            self._stop.set()
        done = collections.Counter()
        for _ in self._processes:
            done.update(json.loads(self._queue.get()))
        for process in self._processes:
            process.join()
        self.seconds = time.monotonic() - self.began
        return done

    def _work(self, number: int, seed: float, operations: int) -> None:
        writer = Writer(self.root, self.outside, random.Random(f"{seed}:{number}"), self.files, number)
        done = collections.Counter()
        try:
            while (done.total() < operations) if operations else not self._stop.is_set():
                if name := writer.operate():
                    done[name] += 1
                if self.pause:
                    time.sleep(self.pause)
        finally:
            self._queue.put(json.dumps(done))


class Writer:
    """One process's hand. What another one took away meanwhile is no mistake."""

    def __init__(self, root: pathlib.Path, outside: pathlib.Path, chance: random.Random, files: int, number: int):
        self.root, self.outside, self.chance, self.number = str(root), str(outside), chance, number
        self.files = files
        self.count = 0
        self.steps = 0
        self.pool = [paragraph(chance) for _ in range(POOL)]
        self.paths: list[str] = []
        self.folders: list[str] = [self.root]
        self.away: list[str] = []
        self._actions = {name: getattr(self, name.replace(" ", "_")) for name in WEIGHTS}

    def operate(self) -> str | None:
        """Does one thing; its name, or nothing when it was not possible."""
        if self.steps % LOOKS_EVERY == 0:
            self.look()
        self.steps += 1
        if len(self.paths) < self.files // 2:
            name = "create"
        elif len(self.paths) > self.files * 5 // 4:
            name = self.chance.choice(("delete", "delete", "delete tree"))
        else:
            name = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        try:
            return name if self._actions[name]() is not False else None
        except (OSError, shutil.Error):
            return None

    def look(self) -> None:
        """What is there now, whoever made it."""
        self.paths, self.folders = [], []
        for folder, _, names in os.walk(self.root):
            self.folders.append(folder)
            self.paths += [f"{folder}/{name}" for name in names if not name.endswith((".tmp", "~"))]

    # Contents

    def content(self, suffix: str) -> bytes:
        mark = f"T{self.chance.getrandbits(48):012x}"
        many = self.chance.randint(150, 400) if self.chance.random() < LARGE_SHARE else self.chance.randint(1, 4)
        body = [f"{mark} begins. {self.chance.choice(self.pool)}"]
        body += [self.chance.choice(self.pool) for _ in range(many - 1)] + [f"End {mark}."]
        if suffix == ".json":
            return json.dumps({"title": mark, "content": "\n\n".join(body)}).encode()
        if suffix == ".html":
            text = "".join(f"<p>{one}</p>\n" for one in body)
            return f"<!DOCTYPE html><html><head><title>{mark}</title></head><body>{text}</body></html>".encode()
        title = f"# {mark}\n\n" if suffix == ".md" else f"{mark}\n\n"
        return (title + "\n\n".join(body) + "\n").encode()

    def write(self, path: str, content: bytes) -> None:
        """Writes in pieces, as programs with a buffer do; one writer at a time, or nobody meant what the file then holds."""
        number = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(number, 0)
            for start in range(0, len(content), 8192):
                os.write(number, content[start:start + 8192])
        finally:
            os.close(number)

    def name(self, suffix: str) -> str:
        self.count += 1
        return f"{self.chance.choice('abcdefgh')}{self.number}-{self.count:05d}{suffix}"

    def pick(self) -> str:
        if not self.paths:
            raise FileNotFoundError
        return self.chance.choice(self.paths)

    def forget(self, path: str) -> None:
        if path in self.paths:
            self.paths.remove(path)

    # Files

    def create(self) -> None:
        suffix = self.chance.choice(SUFFIXES)
        path = f"{self.chance.choice(self.folders)}/{self.name(suffix)}"
        self.write(path, self.content(suffix))
        self.paths.append(path)

    def edit(self) -> None:
        path = self.pick()
        if not os.path.exists(path):
            return self.forget(path)
        self.write(path, self.content(os.path.splitext(path)[1]))

    def append(self) -> bool | None:
        """What is added is whole with what was there: it ends with the first mark."""
        path = self.pick()
        if path.endswith((".json", ".html")):
            return False
        with open(path, "rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mark = MARK.search(file.read(200))
            if mark is None:
                return False
            file.seek(0, os.SEEK_END)
            file.write(f"\n\n{self.chance.choice(self.pool)} End {mark[0].decode()}.\n".encode())

    def atomic_save(self) -> None:
        path = self.pick()
        temporary = f"{path}.{self.number}.tmp"
        self.write(temporary, self.content(os.path.splitext(path)[1]))
        os.rename(temporary, path)

    def backup_save(self) -> None:
        """The old file aside, the new one written under the name, the old one removed."""
        path = self.pick()
        backup = f"{path}~"
        os.rename(path, backup)
        self.write(path, self.content(os.path.splitext(path)[1]))
        os.unlink(backup)

    def delete_and_write(self) -> None:
        path = self.pick()
        os.unlink(path)
        self.write(path, self.content(os.path.splitext(path)[1]))

    def touch(self) -> None:
        os.utime(self.pick())

    def rename(self) -> None:
        path = self.pick()
        to = f"{self.chance.choice(self.folders)}/{self.name(os.path.splitext(path)[1])}"
        os.rename(path, to)
        self.forget(path)
        self.paths.append(to)

    def swap(self) -> None:
        """Two files change their names, through a third."""
        one, other = self.pick(), self.pick()
        if one == other or os.path.splitext(one)[1] != os.path.splitext(other)[1]:
            return False
        between = f"{one}.{self.number}.tmp"
        os.rename(one, between)
        try:
            os.rename(other, one)
        finally:
            os.rename(between, other)

    def copy(self) -> None:
        path = self.pick()
        to = f"{self.chance.choice(self.folders)}/{self.name(os.path.splitext(path)[1])}"
        with open(path, "rb") as file:
            self.write(to, file.read())
        self.paths.append(to)

    def delete(self) -> None:
        path = self.pick()
        self.forget(path)
        os.unlink(path)

    # Folders

    def make_folder(self) -> None:
        folder = f"{self.chance.choice(self.folders)}/{self.name('')}"
        if folder.count("/") - self.root.count("/") > 6:
            return False
        os.mkdir(folder)
        self.folders.append(folder)
        # At once, before anybody can have begun to watch it.
        path = f"{folder}/{self.name('.md')}"
        self.write(path, self.content(".md"))
        self.paths.append(path)

    def inner(self) -> str:
        inner = [folder for folder in self.folders if folder != self.root]
        if not inner:
            raise FileNotFoundError
        return self.chance.choice(inner)

    def moved(self, old: str, new: str | None) -> None:
        """The folder is elsewhere now, or nowhere."""
        below = old + "/"
        for name in ("paths", "folders"):
            kept = []
            for path in getattr(self, name):
                if path == old or path.startswith(below):
                    if new:
                        kept.append(new + path[len(old):])
                else:
                    kept.append(path)
            setattr(self, name, kept)

    def rename_folder(self) -> None:
        folder = self.inner()
        to = f"{self.chance.choice(self.folders)}/{self.name('')}"
        os.rename(folder, to)
        self.moved(folder, to)

    def tree_out(self) -> None:
        folder = self.inner()
        to = f"{self.outside}/{self.name('')}"
        os.rename(folder, to)
        self.moved(folder, None)
        self.away.append(to)

    def tree_in(self) -> None:
        """A tree comes back under a new name, and is changed at once."""
        if not self.away:
            return False
        to = f"{self.chance.choice(self.folders)}/{self.name('')}"
        os.rename(self.away.pop(self.chance.randrange(len(self.away))), to)
        for folder, _, names in os.walk(to):
            self.folders.append(folder)
            self.paths += [f"{folder}/{name}" for name in names if not name.endswith((".tmp", "~"))]

    def delete_tree(self) -> None:
        folder = self.inner()
        if len(self.away) < 3 and self.chance.random() < 0.5:
            return self.tree_out()
        shutil.rmtree(folder)
        self.moved(folder, None)
