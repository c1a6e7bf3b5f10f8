"""Hostile and broken files among good ones: each gets its report, the rest is indexed, memory stays bounded."""

import os
import pathlib
import shutil
import subprocess

from campaign import Campaign
from documents import Tree, paragraph
from freshet import NOBODY, Workspace

# Peak of one process: whatever the corpus, and for files that are small.
MEMORY_MOST = 512 << 20
MEMORY_MOST_SMALL = 128 << 20
GOOD = 20


class BadInput(Campaign):
    name = "bad-input"
    summary = "hostile files among good ones: reported, the rest indexed, memory bounded"

    def cases(self):
        yield "files", self.files
        yield "one-line", self.one_line
        yield "links", self.links
        yield "names", self.names
        yield "not-files", self.not_files
        yield "unreadable", self.unreadable
        yield "changing", self.changing

    def _good(self, chance, label: str) -> tuple[Workspace, Tree]:
        workspace = self.workspace(label)
        tree = Tree(workspace.docs, chance)
        tree.create(GOOD)
        return workspace, tree

    def _check_rest(self, workspace: Workspace, tree: Tree, what: str, outcome) -> dict[str, dict]:
        """No crash, bounded memory, every good file indexed, `verify` content. Answers the documents by origin."""
        self.check_ends(outcome, (0, 3), what)
        peak = outcome.summary.get("peak_memory_bytes", 0)
        self.check(max(peak, outcome.peak_bytes) <= MEMORY_MOST_SMALL,
                   f"{what}: peak {peak >> 20} MiB as told, {outcome.peak_bytes >> 20} MiB as measured")
        self.check(outcome.seconds < 0.1 or abs(peak - outcome.peak_bytes) <= max(32 << 20, outcome.peak_bytes // 4),
                   f"{what}: the summary says {peak >> 20} MiB, measured {outcome.peak_bytes >> 20} MiB")
        documents = {line["origin"]: line for line in workspace.list()}
        missing = [path for path in tree.versions if path not in documents]
        self.check(not missing, f"{what}: good files are missing: {missing[:3]}")
        self.check(len(outcome.lines("failure")) == outcome.documents("failed"), f"{what}: failures told and counted differ")
        self.check((outcome.code == 3) == (outcome.documents("failed") > 0),
                   f"{what}: exit {outcome.code} with {outcome.documents('failed')} failures")
        again = workspace.sync()
        self.check_ends(again, (0, 3), f"{what}: the next sync")
        self.check(again.documents("modified") == 0 and again.embedded == 0, f"{what}: the next sync finds changes")
        self.check_verifies(workspace, what)
        return documents

    # Contents

    def files(self, chance) -> None:
        deep = 100_000 if self.options.quick else 1_000_000
        workspace, tree = self._good(chance, "files")
        # Content, and what has to become of it: indexed, failed (any code, or one of these), skipped, or any of them.
        bad: dict[str, tuple[bytes, str]] = {
            "invalid-utf8.txt": (b"Good words, then \xff\xfe\x80 bad bytes, then good words again.\n" * 20, "any"),
            "invalid-utf8.md": (b"# Title\n\nText \xc3\x28 and \xf0\x28\x8c\x28 more.\n", "any"),
            "invalid-utf8.json": (b'{"title": "x", "content": "a \xff b"}', "any"),
            "zero.txt": (b"", "none"),
            "zero.html": (b"", "none"),
            "zero.json": (b"", "none"),
            "nul.txt": (b"words \0 between \0 zeros\n" * 50, "any"),
            "spaces.md": (b" \n\t\n" * 1000, "none"),
            "deep.json": (b'{"content": ' + b"[" * deep + b'"x"' + b"]" * deep + b"}", "failed"),
            "deep-objects.json": (b'{"a":' * deep + b'"x"' + b"}" * deep, "failed"),
            "deep.html": (b"<html><body>" + b"<div>" * deep + b"deep words" + b"</div>" * deep + b"</body></html>", "any"),
            "deep-quotes.md": (b"> " * deep + b"deep words\n", "any"),
            "deep-lists.md": (b"- " * min(deep, 50_000) + b"deep words\n", "any"),
            "brackets.md": (b"[" * deep + b"x" + b"](y)" * 1000, "any"),
            "stars.md": (b"*a **b " * min(deep, 50_000), "any"),
            "cut.json": (b'{"title": "cut", "content": "this ends in the mid', "failed"),
            "no-text.json": (b'{"number": 1, "list": [1, 2, 3]}', "failed"),
            "cut.html": (b"<html><body><p>A page that ends in the middle of <b>a ta", "indexed"),
            "entities.html": (
                b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' +
                b"".join(b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % ((letter,) + (letter - 1,) * 8)
                         for letter in range(ord("b"), ord("k"))) + b"]><p>&j; words</p>", "any"),
            "entity-file.html": (
                b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><html><body><p>host &f; here</p></body></html>',
                "any"),
            "many-attributes.html": (b"<p " + b" ".join(b"a%d=1" % number for number in range(deep // 10)) + b">words</p>",
                                     "any"),
            "wide.csv": (b"a," * (deep // 10) + b"\n" + b"1," * (deep // 10) + b"\n", "any"),
            "quote.csv": (b'name,text\n"never closed, ' + b"words " * 10_000, "any"),
            "lines.jsonl": (b'{"id": 1, "content": "good line"}\n{"id": 2, "cont\n{"id": 3, "content": "good too"}\n', "any"),
            "front-matter.md": (b"---\n" + b"key: [\n" * 10_000 + b"---\n\nwords\n", "any"),
            "front-bomb.md": (b"---\na: &a [x,x,x,x,x,x,x,x]\n" +
                              b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((letter,) * 2 + (letter - 1,) * 8)
                                       for letter in range(ord("b"), ord("k"))) + b"---\n\nwords\n", "any"),
            "executable.md": (pathlib.Path("/bin/true").read_bytes(), "any"),
            "random.txt": (chance.randbytes(300_000), "any"),
            "random.html": (chance.randbytes(300_000), "any"),
            "random.json": (chance.randbytes(300_000), "failed"),
        }
        bad["cut-utf16.txt"] = (("Words in two bytes each, cut.\n" * 40).encode("utf-16")[:-1], "any")
        folder = workspace.docs / "bad"
        folder.mkdir()
        for name, (content, _) in bad.items():
            (folder / name).write_bytes(content)
        outcome = workspace.sync("-v", seconds=600)
        documents = self._check_rest(workspace, tree, "bad contents", outcome)
        failures = {line["origin"]: line["error"] for line in outcome.lines("failure")}
        table = []
        for name, (_, expected) in bad.items():
            origin = f"bad/{name}"
            indexed = [key for key in documents if key == origin or key.startswith(origin + "!/")]
            failed = [key for key in failures if key == origin or key.startswith(origin + "!/")]
            became = "indexed" if indexed else "failed" if failed else "none"
            table.append((name, f"{became} {failures[failed[0]]['code'] if failed else ''}"))
            for key in failed:
                self.check(len(failures[key]["message"].split()) >= 3, f"{name}: no sentence: {failures[key]}")
            if expected == "none":
                # Nothing to search for: told as `no_text`, or left out; never an empty document.
                self.check(became != "indexed" or documents[indexed[0]]["chunks"] == 0, f"{name} became {became}")
            elif expected != "any":
                self.check(became == expected, f"{name}: {became} instead of {expected}")
            else:
                self.check(became != "none" or self._is_told(outcome, name), f"{name}: nothing became of it, nothing was said")
        for name, became in table:
            print(f"  {name:24} {became}")
        texts = "\n".join(line.get("text") or "" for line in workspace.export() if "entity-file" in line["origin"])
        host = pathlib.Path("/etc/hostname")
        if host.exists() and host.read_text().strip():
            self.check(host.read_text().strip() not in texts, "an entity read a file of this machine")
        workspace.remove()

    def _is_told(self, outcome, name: str) -> bool:
        return name in outcome.errors or name in outcome.output or outcome.documents("skipped") > 0

    def one_line(self, chance) -> None:
        """A file that is one endless line, above the limit and, with a raised limit, below it."""
        workspace, tree = self._good(chance, "one-line")
        size = (32 if self.options.quick else 1024) << 20
        word = b"endless "
        # Words that are all the same, and words that are all others.
        different = " ".join(paragraph(chance) for _ in range(4000)).encode()
        for name in ("same.txt", "different.txt"):
            with open(workspace.docs / name, "wb") as file:
                part = 0
                while file.tell() < size:
                    part += 1
                    file.write(b"endless " * (1 << 17) if name == "same.txt"
                               else different.replace(b"entry", b"entry%d" % part))
        with open(workspace.docs / "hole.txt", "wb") as file:
            file.truncate(8 << 30)  # no disk behind it
        workspace.configure(more="sync: { max_file_size: 30 MB }\n")
        outcome = workspace.sync("-v")
        documents = self._check_rest(workspace, tree, "above the limit", outcome)
        self.check(not {"same.txt", "different.txt", "hole.txt"} & set(documents), "a file above the limit was indexed")
        self.check(outcome.documents("skipped") == 3, f"{outcome.documents('skipped')} skipped instead of 3")
        self.check(outcome.code == 0, f"a file above the limit changes the exit code to {outcome.code}")
        self.check("same.txt" in outcome.errors or "same.txt" in outcome.output, "nothing was said of the file")
        workspace.configure(more="sync: { max_file_size: 2 GB }\n")
        for name in ("same.txt", "different.txt"):
            outcome = workspace.sync("-v", str(workspace.docs / name), seconds=1800)
            became = [line["error"]["code"] for line in outcome.lines("failure")] or "indexed"
            self.say(f"one line of {size >> 20} MiB, {name}: exit {outcome.code}, {outcome.seconds:.1f} s, peak "
                     f"{outcome.peak_bytes >> 20} MiB: {became}")
            self.check_ends(outcome, (0, 3), name)
            # A document is held whole, once, beside its compressed form and what is known of its chunks.
            most = MEMORY_MOST_SMALL + 3 * size
            self.check(outcome.peak_bytes <= most, f"{name}: peak {outcome.peak_bytes >> 20} MiB, above {most >> 20}")
        self.check_verifies(workspace, "one line")
        workspace.remove()

    # Links, names, kinds

    def links(self, chance) -> None:
        workspace, tree = self._good(chance, "links")
        secret = workspace.folder / "secret"
        secret.mkdir()
        (secret / "private.md").write_text("# Private\n\nzzprivatewords that must stay outside.\n")
        docs = workspace.docs
        (docs / "loop").mkdir()
        (docs / "loop" / "again").symlink_to("..")
        (docs / "loop" / "itself").symlink_to("itself")
        (docs / "loop" / "a").symlink_to("b")
        (docs / "loop" / "b").symlink_to("a")
        (docs / "out").symlink_to(secret)
        (docs / "out.md").symlink_to(secret / "private.md")
        (docs / "up.md").symlink_to("../secret/private.md")
        (docs / "passwd.txt").symlink_to("/etc/passwd")
        (docs / "nowhere.md").symlink_to("not-there.md")
        (docs / "inner.md").symlink_to(sorted(path for path in tree.versions)[0])
        for policy in ("skip", "follow"):
            workspace.configure(f"  - {{ name: docs, path: docs, symlinks: {policy} }}\n")
            outcome = workspace.sync()
            documents = self._check_rest(workspace, tree, f"links, {policy}", outcome)
            extra = set(documents) - set(tree.versions)
            self.check(extra <= ({"inner.md"} if policy == "follow" else set()), f"links, {policy}: {sorted(extra)}")
            found = workspace.search("zzprivatewords", "--mode", "keyword").value().get("hits", [])
            self.check(not found, f"links, {policy}: what is outside was indexed")
        workspace.remove()

    def names(self, chance) -> None:
        """Names with line breaks, control characters, bad UTF-8, quotes, 255 bytes, and look-alikes."""
        workspace, tree = self._good(chance, "names")
        root = os.fsencode(workspace.docs)
        names = [
            b"line\nbreak.md", b"tab\there.md", b"escape\x1b[31mred.md", b"invalid\xff\xfe.md", b"percent%2Fslash.md",
            b"percent%FF.md", b"quote\"'.md", b"back\\slash.md", b" leading.md", b"trailing .md", b"-rf.md", b"bang!/x",
            "ü.md".encode(), "u\u0308.md".encode(), "名前.md".encode(), b"colon:name.md", b"l" * 252 + b".md", b"star*.md",
        ]
        made = 0
        for number, name in enumerate(names):
            path = root + b"/" + name
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path + (b".md" if not name.endswith(b".md") else b""), "wb") as file:
                file.write(b"# A file\n\nIts words are zzname%d and others.\n" % number)
            made += 1
        outcome = workspace.sync()
        documents = self._check_rest(workspace, tree, "odd names", outcome)
        self.check(len(documents) == GOOD + made, f"{len(documents) - GOOD} of {made} oddly named files are there")
        self.check(len(outcome.lines("document")) == GOOD + made, "a name broke the lines of the report")
        self.check("\x1b[31m" not in outcome.errors + workspace.call("list").output, "a name reaches the terminal as it is")
        for number in range(made):
            hits = workspace.search(f"zzname{number}", "--mode", "keyword", "--limit", "1").value().get("hits", [])
            if self.check(hits, f"the file {names[number]!r} is not found"):
                history = workspace.history(f"docs:{hits[0]['origin']}")
                self.check(len(history) == 1, f"the file {names[number]!r} has no history by its origin {hits[0]['origin']!r}")
        for name in (b"invalid\xff\xfe.md", b"line\nbreak.md"):
            os.rename(root + b"/" + name, root + b"/moved-" + name)
        outcome = workspace.sync()
        self.check(outcome.documents("renamed") == 2 and outcome.embedded == 0, f"odd names renamed: {outcome.summary}")
        self.check_in_step(workspace, "odd names")
        workspace.remove()

    def not_files(self, chance) -> None:
        workspace, tree = self._good(chance, "not-files")
        docs = workspace.docs
        (docs / "folder.md").mkdir()
        (docs / "folder.md" / "inside.md").write_text("# Inside\n\nA folder named like a file.\n")
        os.mkfifo(docs / "pipe.md")
        import socket
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(docs / "socket.md"))
        if os.geteuid() == 0:
            subprocess.run(["mknod", str(docs / "zero.md"), "c", "1", "5"], check=False)
        deep = docs
        for _ in range(60):
            deep = deep / "d"
        deep.mkdir(parents=True)
        (deep / "deep.md").write_text("# Deep\n\nFar below.\n")
        outcome = workspace.sync(seconds=60)
        documents = self._check_rest(workspace, tree, "not files", outcome)
        extra = set(documents) - set(tree.versions)
        self.check(extra == {"folder.md/inside.md", "d/" * 60 + "deep.md"}, f"not files: {sorted(extra)}")
        # A document becomes a folder, and a folder a document.
        victim = sorted(tree.versions)[0]
        (docs / victim).unlink()
        (docs / victim).mkdir()
        (docs / victim / "within.md").write_text("# Within\n\nWhat was a file.\n")
        shutil.rmtree(docs / "folder.md")
        (docs / "folder.md").write_text("# Now a file\n\nWhat was a folder.\n")
        self.check_ends(workspace.sync(seconds=60), (0,), "kinds exchanged")
        self.check_in_step(workspace, "kinds exchanged")
        listener.close()
        workspace.remove()

    def unreadable(self, chance) -> None:
        workspace, tree = self._good(chance, "unreadable")
        if os.geteuid() == 0 and shutil.which("setpriv"):
            workspace.user = NOBODY
            self.folder.chmod(0o777)
            for path in (workspace.folder, self.folder / "home"):
                subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(path)], check=True)
        (workspace.docs / "closed.md").write_text("# Closed\n\nNobody reads this.\n")
        (workspace.docs / "closed.md").chmod(0)
        outcome = workspace.sync()
        documents = self._check_rest(workspace, tree, "unreadable", outcome)
        failures = {line["origin"]: line["error"]["code"] for line in outcome.lines("failure")}
        self.check("closed.md" not in documents and failures == {"closed.md": "unreadable"}, f"unreadable: {failures}")
        (workspace.docs / "closed.md").chmod(0o644)
        self.check_ends(workspace.sync(), (0,), "readable again")
        self.check("closed.md" in {line["origin"] for line in workspace.list()}, "readable again, and not indexed")
        workspace.remove()

    def changing(self, chance) -> None:
        """A file that is written all the time: no torn state, the rest goes on, and in the end all is in step."""
        workspace, tree = self._good(chance, "changing")
        file = workspace.docs / "busy.txt"
        writer = subprocess.Popen(
            ["python3", "-c", "import sys, time\nn = 0\nwhile True:\n n += 1\n with open(sys.argv[1], 'w') as f:\n"
             "  for part in range(40):\n   f.write(f'zstate{n} zpart{part} and words.\\n\\n'); f.flush()", str(file)])
        try:
            for number in range(3 if self.options.quick else 15):
                outcome = workspace.sync("--checksum", seconds=60)
                self.check_ends(outcome, (0, 3), f"a file that is written, sync {number + 1}")
                codes = {line["error"]["code"] for line in outcome.lines("failure")}
                self.check(codes <= {"changed_while_read", "no_text"}, f"a file that is written: {codes}")
        finally:
            writer.kill()
            writer.wait()
        file.write_text("The last state.\n")
        self.check_ends(workspace.sync(), (0,), "the writer has ended")
        self.check_in_step(workspace, "the writer has ended")
        workspace.remove()


class Big(Campaign):
    name = "big"
    summary = "10 GB of text in one sync: peak memory (an hour and 40 GB of disk; only when named)"

    def cases(self):
        yield "big", self.big

    def big(self, chance) -> None:
        gigabytes = float(os.environ.get("FRESHET_BIG_GIGABYTES", "0.2" if self.options.quick else "10"))
        workspace = self.workspace("big")
        # Without vectors: the index's own memory is no part of what is promised.
        workspace.environment |= {"FRESHET_HASH_EMBEDDER_LOG": None, "FRESHET_EMBEDDER_PROVIDER": "none"}
        written, number = 0, 0
        block = "\n\n".join(paragraph(chance) for _ in range(200))
        while written < gigabytes * 1e9:
            number += 1
            # From 2 KB to nearly the default limit, as many of each order of magnitude: most of the text is in large ones.
            size = int(2000 * 47_000 ** chance.random())
            folder = workspace.docs / f"{number % 40:02d}"
            folder.mkdir(exist_ok=True)
            with open(folder / f"file{number:05d}.txt", "w") as file:
                part = 0
                while file.tell() < size:
                    part += 1
                    text = f"File {number}, part {part}. {block}\n\n".replace("entry", f"entry{number}x{part}")
                    file.write(text[:size - file.tell()])
                written += file.tell()
        self.say(f"{number} files, {written / 1e9:.1f} GB")
        outcome = workspace.sync("--quiet", seconds=4 * 3600)
        self.check_ends(outcome, (0,), "the sync")
        peak = max(outcome.summary.get("peak_memory_bytes", 0), outcome.peak_bytes)
        chunks = outcome.summary.get("chunks", {}).get("total", 0)
        self.say(f"{chunks:,} chunks in {outcome.seconds:.0f} s, peak {peak >> 20} MiB")
        self.check(peak <= MEMORY_MOST, f"peak {peak >> 20} MiB, {MEMORY_MOST >> 20} MiB are allowed beside the index")
        self.check_ends(workspace.sync(seconds=600), (0,), "nothing changed")
        workspace.remove()

