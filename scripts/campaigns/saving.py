"""What really saves files: growing files, editors, rsync, git, large copies. No half-written version is ever recorded.

Every content begins and ends with the same mark, in as many bytes as take several writes; what a version holds of which
that is not so was read in the middle of a save.
"""

import collections
import os
import pathlib
import shutil
import subprocess
import tarfile
import time

from campaign import Campaign, Skipped
from documents import paragraph
from storm_writers import is_whole
from watching import Service, check_same, recorded

PARAGRAPHS = 300  # about 150 kB
REPOSITORY = 2_000  # files
SECONDS_GROWING = 30.0
SECONDS_BETWEEN_SAVES = 0.4
SAVES = 12
QUICK = ("growing", "vim", "in_place", "git")
LARGE = 12 << 20  # bytes of a large copy


class Saving(Campaign):
    name = "saving"
    summary = "growing files, vim, emacs, rsync, git, large copies: no half-written version"

    def __init__(self, options):
        super().__init__(options)
        self.rows: list[tuple[str, int, int, int]] = []

    def cases(self):
        for body in (self.growing, self.appended, self.paused, self.vim, self.emacs, self.in_place, self.office,
                     self.stream_editor, self.rsync, self.rsync_in_place, self.git, self.archive, self.large_copy):
            if self.options.quick and body.__name__ not in QUICK:
                continue
            yield body.__name__.replace("_", "-"), body

    def report(self) -> None:
        self.say("versions recorded")
        print(f"  {'by':44} {'files':>6} {'saves':>6} {'versions':>8}")
        for name, files, saves, versions in self.rows:
            print(f"  {name:44} {files:>6} {saves:>6} {versions:>8}")

    # Preparing and judging

    def _watched(self, label: str) -> tuple[Service, pathlib.Path]:
        workspace = self.workspace(label)
        workspace.environment |= {"FRESHET_HISTORY_COMPRESSION": "none"}
        service = Service(workspace)
        if not service.ready() or not service.quiet(rest=0.3):
            raise RuntimeError(f"the service does not come up: {service.wait(1).errors}")
        return service, workspace.docs

    def _judge(self, service: Service, what: str, saves: int, most: int, whole=None, like: str = "%") -> None:
        """In step, and only whole versions; at most so many of them beyond the files' first ones."""
        try:
            self.check(service.quiet(), f"{what}: it is not quiet")
            check_same(self, service, what)
            counts = collections.Counter()
            for origin, number, kind, content in recorded(service.workspace, like):
                counts[origin] += 1
                self.check(content is not None and (whole or (lambda _, text: is_whole(text)))(origin, content),
                           f"{what}: version {number} ({kind}) of {origin} is half-written "
                           f"({len(content) if content is not None else 'no'} bytes)")
            self.check(counts, f"{what}: nothing was recorded")
            self.check(counts.total() <= most, f"{what}: {counts.total()} versions, more than {most}")
            self.rows.append((what, len(counts), saves, counts.total()))
        finally:
            service.stop()
        self.discard(service.workspace)

    def _seconds(self) -> float:
        return 4.0 if self.options.quick else SECONDS_GROWING

    # Files that grow

    def growing(self, chance) -> None:
        """Held open and written to all the time."""
        service, docs = self._watched("growing")
        pieces = text(chance, "T000000000001").splitlines(keepends=True)
        with open(docs / "growing.md", "w") as file:
            self._write_slowly(file, pieces)
        self._judge(service, "a file held open while it grows", 1, 1)

    def _write_slowly(self, file, pieces: list[str]) -> None:
        step = max(1, len(pieces) * 0.15 / self._seconds())
        written = 0.0
        while int(written) < len(pieces):
            for piece in pieces[int(written):int(written + step)]:
                file.write(piece)
            file.flush()
            written += step
            time.sleep(0.15)

    def paused(self, chance) -> None:
        """Held open with pauses that are longer than any quiet time."""
        service, docs = self._watched("paused")
        whole = text(chance, "T000000000001")
        with open(docs / "paused.md", "w") as file:
            for start in range(0, len(whole), len(whole) // 4 + 1):
                file.write(whole[start:start + len(whole) // 4 + 1])
                file.flush()
                time.sleep(5)
        self._judge(service, "a file held open with pauses of 5 s", 1, 1)

    def appended(self, chance) -> None:
        """Opened and closed for each line: nobody can know which is the last. It counts when it rests."""
        service, docs = self._watched("appended")
        end = time.monotonic() + self._seconds()
        lines = 0
        while time.monotonic() < end:
            lines += 1
            with open(docs / "appended.txt", "a") as file:
                file.write(f"{paragraph(chance)}\n\n")
            time.sleep(0.1)
        self._judge(service, "lines appended by >> every 0.1 s", lines, 5,
                    whole=lambda _, content: content.endswith(b"\n\n"))

    # Editors

    def _edited(self, chance, what: str, program: str, commands: dict[str, list[str]]) -> None:
        """Sessions of an editor, each of several saves; a command sees the file as its last argument."""
        if not shutil.which(program):
            raise Skipped(f"there is no {program}")
        service, docs = self._watched(what)
        for number, (name, command) in enumerate(commands.items()):
            file = docs / f"{name}.md"
            file.write_text(text(chance, f"T{number:012x}"))
        service.quiet(rest=0.3)
        running = [subprocess.Popen(command + [str(docs / f"{name}.md")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, env=os.environ | {"TERM": "dumb", "HOME": str(self.folder)})
                   for name, command in commands.items()]
        for process in running:
            _, errors = process.communicate(timeout=180)
            self.check(process.returncode == 0, f"{what} ended with {process.returncode}: {errors.decode()[-400:]}")
        for name in commands:
            self.check(f"T{SAVES - 1:011x}f" in (docs / f"{name}.md").read_text(), f"{what} did not save {name}")
        self._judge(service, f"{what}, {len(commands)} ways of saving", SAVES * len(commands), (SAVES + 1) * len(commands),
                    like="%.md")

    def vim(self, chance) -> None:
        script = (f"let i = 0 | while i < {SAVES} | exe '%s/T[0-9a-f]\\{{12}}/' . printf('T%011xf', i) . '/g' | write | "
                  f"sleep {int(SECONDS_BETWEEN_SAVES * 1000)}m | let i += 1 | endwhile | quit")
        ways = {"plain": "", "backup": "set backup", "renamed": "set nowritebackup backupcopy=no",
                "breaking": "set backup backupcopy=no", "copied": "set backupcopy=yes"}
        self._edited(chance, "vim", "vim", {
            name: ["vim", "-Nu", "NONE", "-es", *(["-c", way] if way else []), "-c", script] for name, way in ways.items()})

    def emacs(self, chance) -> None:
        script = ('(progn (setq-default case-fold-search nil) (find-file (car command-line-args-left)) (setq command-line-args-left nil) (dotimes (i %d) '
                  '(goto-char (point-min)) (while (re-search-forward "T[0-9a-f]\\\\{12\\\\}" nil t) '
                  '(replace-match (format "T%%011xf" i) t t)) (save-buffer) (sleep-for %g)))' % (SAVES, SECONDS_BETWEEN_SAVES))
        ways = {"plain": "nil", "precious": "(setq file-precious-flag t)", "copied": "(setq backup-by-copying t)",
                "always": "(setq make-backup-files t version-control t kept-new-versions 2 delete-old-versions t)"}
        self._edited(chance, "emacs", "emacs", {
            name: ["emacs", "-Q", "--batch", "--eval", way, "--eval", script] for name, way in ways.items()})

    def in_place(self, chance) -> None:
        """As editors save that write the file itself: emptied, then written in pieces."""
        service, docs = self._watched("in-place")
        file = docs / "notes.md"
        for number in range(SAVES):
            content = text(chance, f"T{number:012x}").encode()
            with open(file, "wb", buffering=0) as out:
                for start in range(0, len(content), 16_384):
                    out.write(content[start:start + 16_384])
                    time.sleep(0.002)
            time.sleep(SECONDS_BETWEEN_SAVES)
        self._judge(service, "emptied and written in pieces", SAVES, SAVES)

    def office(self, chance) -> None:
        """As office programs save: a lock beside it, a temporary, the old file away, the new one in its place."""
        service, docs = self._watched("office")
        file, lock = docs / "letter.md", docs / ".~lock.letter.md#"
        lock.write_text("somebody\n")
        for number in range(SAVES):
            temporary = docs / f"lu{number:06d}.tmp"
            temporary.write_text(text(chance, f"T{number:012x}"))
            if file.exists():
                file.unlink()
            temporary.rename(file)
            time.sleep(SECONDS_BETWEEN_SAVES)
        lock.unlink()
        self._judge(service, "a temporary, a deletion, a rename", SAVES, SAVES)

    def stream_editor(self, chance) -> None:
        if not shutil.which("sed"):
            raise Skipped("there is no sed")
        service, docs = self._watched("stream-editor")
        for number in range(20):
            (docs / f"notes-{number:02}.md").write_text(text(chance, f"T{number:012x}"))
        service.quiet(rest=0.3)
        for number in range(SAVES):
            subprocess.run(["sed", "-i", f"s/T[0-9a-f]\\{{12\\}}/T{number:011x}f/", *sorted(docs.glob("*.md"))], check=True)
            time.sleep(SECONDS_BETWEEN_SAVES)
        self._judge(service, "sed -i over 20 files", SAVES * 20, (SAVES + 1) * 20)

    # Copies

    def _rsync(self, chance, what: str, *options: str) -> None:
        if not shutil.which("rsync"):
            raise Skipped("there is no rsync")
        service, docs = self._watched(what.replace(" ", ""))
        mirror = service.workspace.folder / "mirror"
        mirror.mkdir()
        count = 40 if self.options.quick else 200
        rounds = 3
        for number in range(rounds):
            for index in range(count):
                if index % rounds == number or number == 0:
                    (mirror / f"file-{index:03d}.md").write_text(text(chance, f"T{number:04x}{index:08x}", 40))
            (mirror / "large.md").write_text(text(chance, f"T{number:04x}{count:08x}", 6_000))
            (mirror / "link.md").write_text(text(chance, f"T{number:04x}{count + 1:08x}", 3))
            subprocess.run(["rsync", "-a", *options, f"{mirror}/", f"{docs}/"], check=True)
            time.sleep(1.5)
        saves = count + 2 + (rounds - 1) * (count // rounds + 3)
        # What is sent slowly in place is open all the time, so that there is no version more.
        self._judge(service, what, saves, saves)

    def rsync(self, chance) -> None:
        self._rsync(chance, "rsync", "--bwlimit=8m")

    def rsync_in_place(self, chance) -> None:
        self._rsync(chance, "rsync --inplace", "--inplace", "--no-whole-file", "--bwlimit=8m")

    def archive(self, chance) -> None:
        """Unpacked twice, the second time over what is there, with times of years ago."""
        service, docs = self._watched("archive")
        place = service.workspace.folder / "made"
        place.mkdir()
        for number in range(2):
            for index in range(300):
                (place / f"file-{index:03d}.txt").write_text(text(chance, f"T{number:04x}{index:08x}", 20))
                os.utime(place / f"file-{index:03d}.txt", (1_000_000_000 + number, 1_000_000_000 + number))
            archive = service.workspace.folder / "made.tar"
            with tarfile.open(archive, "w") as file:
                file.add(place, arcname="unpacked")
            with tarfile.open(archive) as file:
                file.extractall(docs)
            time.sleep(1.5)
        self._judge(service, "an archive unpacked, and over it another", 600, 600)

    def large_copy(self, chance) -> None:
        """A copy that takes seconds, and one that takes as long as the disk does."""
        size = (1 << 20) if self.options.quick else LARGE
        service, docs = self._watched("large-copy")
        source = service.workspace.folder / "large.txt"
        words = [paragraph(chance) for _ in range(200)]
        with open(source, "w") as file:
            file.write("T000000000001\n\n")
            number = 0
            while file.tell() < size:
                number += 1
                # What repeats is embedded once: it is the reading that counts here.
                file.write(words[number % len(words)] + "\n\n")
            file.write("End T000000000001.\n")
        with open(source, "rb") as file, open(docs / "slow.txt", "wb", buffering=0) as out:
            pieces = 40
            for _ in range(pieces + 1):
                out.write(file.read(size // pieces + 4096))
                time.sleep(0.15)
        subprocess.run(["cp", source, docs / "fast.txt"], check=True)
        subprocess.run(["cp", source, docs / "part.txt.part"], check=True)
        (docs / "part.txt.part").rename(docs / "part.txt")
        self._judge(service, f"copies of {size >> 20} MiB, slow and fast", 3, 4)

    # Version control

    def git(self, chance) -> None:
        """Another branch, back, and again: of each file that differs one version each time, and nothing else."""
        if not shutil.which("git"):
            raise Skipped("there is no git")
        files = 200 if self.options.quick else REPOSITORY
        service, docs = self._watched("git")

        def run(*arguments: str) -> None:
            subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false",
                            *arguments], cwd=docs, check=True, capture_output=True)

        service.stop()
        run("init", "-q", "-b", "one")
        names = [f"part-{index % 40:02d}/file-{index:04d}.md" for index in range(files)]
        for index, name in enumerate(names):
            (docs / name).parent.mkdir(exist_ok=True)
            (docs / name).write_text(text(chance, f"T0000{index:08x}", 5))
        run("add", "-A")
        run("commit", "-qm", "One")
        run("checkout", "-q", "-b", "two")
        changed, gone, moved = names[: files * 4 // 10], names[files * 4 // 10: files // 2], names[files // 2: files * 55 // 100]
        for index, name in enumerate(changed):
            (docs / name).write_text(text(chance, f"T0001{index:08x}", 5))
        for name in gone:
            (docs / name).unlink()
        for name in moved:
            (docs / name).rename(docs / name.replace("file-", "moved-"))
        for index in range(len(gone)):
            (docs / f"part-{index % 40:02d}/added-{index:04d}.md").write_text(text(chance, f"T0002{index:08x}", 5))
        run("add", "-A")
        run("commit", "-qm", "Two")
        run("checkout", "-q", "one")
        service = Service(service.workspace)
        self.check(service.ready() and service.quiet(), "the service does not come up again")
        before = sum(1 for _ in recorded(service.workspace))
        self.check(before == files, f"git: {before} versions of {files} files before the first checkout")
        rounds, took = 4, []
        for number in range(rounds):
            run("checkout", "-q", "two" if number % 2 == 0 else "one")
            begin = time.monotonic()
            self.check(service.quiet(rest=1.0), f"git: checkout {number + 1}: it is not quiet")
            took.append(time.monotonic() - begin - 1.0)
        # Two a rename: away and back; what is deleted and comes back is restored.
        each = len(changed) + len(gone) + len(moved)
        self.say(f"git: quiet {', '.join(f'{seconds:.1f}' for seconds in took)} s after the checkouts")
        kinds = collections.Counter(kind for _, _, kind, _ in recorded(service.workspace))
        self.say(f"git: {dict(kinds)}; {len(changed)} files differ, {len(gone)} only here, {len(gone)} only there, "
                 f"{len(moved)} renamed")
        self.check(kinds["modified"] == len(changed) * rounds, f"git: {kinds['modified']} modifications of {len(changed)} files "
                                                               f"in {rounds} checkouts")
        self._judge(service, f"git checkout of another branch, {files:,} files", each * rounds, files + each * rounds)


def text(chance, mark: str, paragraphs: int = PARAGRAPHS) -> str:
    return f"# {mark}\n\n" + "\n\n".join(paragraph(chance) for _ in range(paragraphs)) + f"\n\nEnd {mark}.\n"
