"""Sources that are gone, empty, unreadable, narrowed, or no longer configured: missing is not deleted."""

import os
import shutil
import subprocess

from campaign import Campaign, Skipped
from documents import Tree
from freshet import NOBODY, Outcome, Workspace

TWO_SOURCES = "  - { name: docs, path: docs }\n  - { name: notes, path: notes }\n"
ONE_SOURCE = "  - { name: docs, path: docs }\n"
DOCUMENTS = 60  # of docs, 20 of them in docs/part
NOTES = 10


class Sources(Campaign):
    name = "sources"
    summary = "sources that go missing in every way: what is deleted, held and said"

    def __init__(self, options):
        super().__init__(options)
        self.rows: list[tuple[str, str, int, str, str]] = []

    def cases(self):
        for body in (
            self.removed, self.emptied, self.empty_mount, self.other_mount, self.mount_inside_lost, self.unreadable, self.unreadable_part,
            self.unreadable_file, self.not_a_folder, self.some_deleted, self.many_deleted, self.deleted_beside_unreadable,
            self.narrowed_little, self.narrowed_much, self.source_out, self.large_source_out, self.moved_root,
        ):
            yield body.__name__.replace("_", "-"), body

    def report(self) -> None:
        self.say("what happened")
        print(f"  {'case':26} {'exit':>4} {'deleted':>7} {'held':>5}  said")
        for case, deleted, code, held, said in self.rows:
            print(f"  {case:26} {code:>4} {deleted:>7} {held:>5}  {said}")

    # Preparing and judging

    def _prepared(self, chance, label: str, as_nobody: bool = False) -> tuple[Workspace, Tree]:
        workspace = self.workspace(label)
        (workspace.folder / "notes").mkdir()
        workspace.configure(TWO_SOURCES)
        tree = Tree(workspace.docs, chance, paragraphs=(1, 3))
        tree.create(DOCUMENTS - 20)
        tree.create(20, "part/")
        Tree(workspace.folder / "notes", chance, paragraphs=(1, 3)).create(NOTES)
        if as_nobody:
            if os.geteuid() != 0:
                workspace.user = None
            elif shutil.which("setpriv"):
                workspace.user = NOBODY
                for path in (workspace.folder, self.folder / "home"):
                    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(path)], check=True)
                self.folder.chmod(0o777)
            else:
                raise Skipped("root reads everything, and there is no setpriv")
        self.check_ends(workspace.sync(), (0,), "first sync")
        self.check(len(workspace.list()) == DOCUMENTS + NOTES, f"{len(workspace.list())} documents at first")
        return workspace, tree

    def _after(self, workspace: Workspace, case: str, outcome: Outcome, codes, deleted: int, held: int | None,
               reason: str | None = None) -> None:
        """Checks one outcome against what invariant 4 says, and keeps its row."""
        said = [line["message"] for line in outcome.summary.get("held", [])]
        said += [line["error"]["message"] for line in outcome.summary.get("unavailable", [])]
        found = outcome.documents("deleted")
        self.rows.append((case, str(found), outcome.code, str(outcome.documents("held")),
                          (said or [outcome.last_error])[0][:150]))
        self.check_ends(outcome, codes, case)
        self.check(found == deleted, f"{case}: {found} deleted instead of {deleted}")
        left = len(workspace.list())
        self.check(left == DOCUMENTS + NOTES - deleted, f"{case}: {left} documents are left")
        if held is not None:
            self.check(outcome.documents("held") == held, f"{case}: {outcome.documents('held')} held instead of {held}")
        if held:
            self.check(said or outcome.errors.strip(), f"{case}: nothing was said of what is held")
        if reason:
            reasons = {line.get("reason") for line in outcome.lines("document") if line.get("change") == "deleted"}
            self.check(reasons == {reason}, f"{case}: deleted for {reasons}")
        search = workspace.search("journal")
        self.check(search.code == 0 and search.value().get("hits"), f"{case}: a search finds nothing: {search}")

    def _comes_back(self, workspace: Workspace, case: str, restored: int = 0) -> None:
        """Everything is as before: in step, nothing embedded, no version made of what was never gone."""
        embedded = len(workspace.embedded_texts())
        outcome = workspace.sync()
        self.check_ends(outcome, (0,), f"{case}: put right")
        for kind, expected in (("deleted", 0), ("created", 0), ("modified", 0), ("restored", restored)):
            found = outcome.documents(kind)
            self.check(found == expected, f"{case}: put right: {found} {kind} instead of {expected}")
        self.check(len(workspace.embedded_texts()) == embedded, f"{case}: put right: something was embedded")
        self.check_in_step(workspace, f"{case}: put right")
        workspace.remove()

    # The root

    def removed(self, chance) -> None:
        workspace, _ = self._prepared(chance, "removed")
        workspace.docs.rename(workspace.folder / "away")
        self._after(workspace, "root removed", workspace.sync(), (4,), 0, None)
        (workspace.folder / "away").rename(workspace.docs)
        self._comes_back(workspace, "root removed")

    def emptied(self, chance) -> None:
        workspace, _ = self._prepared(chance, "emptied")
        workspace.docs.rename(workspace.folder / "away")
        workspace.docs.mkdir()
        self._after(workspace, "root empty", workspace.sync(), (4,), 0, DOCUMENTS)
        workspace.docs.rmdir()
        (workspace.folder / "away").rename(workspace.docs)
        self._comes_back(workspace, "root empty")

    def empty_mount(self, chance) -> None:
        workspace, _ = self._prepared(chance, "empty-mount")
        with Mounted(workspace.docs):
            self._after(workspace, "empty mount over root", workspace.sync(), (4,), 0, DOCUMENTS)
            # Also a single file on the wrong disk proves nothing.
            (workspace.docs / "stray.md").write_text("A stray file on another disk.\n")
            outcome = workspace.sync()
            self.check(outcome.documents("deleted") == 0, f"a stray file on the mount let {outcome.documents('deleted')} go")
            self.check(outcome.code == 4, f"a stray file on the mount: {outcome}")
        outcome = workspace.sync()
        self.check_ends(outcome, (4,), "mounted again, the stray file was on the other disk")
        self.check(outcome.documents("deleted") == 0 and outcome.documents("held") == 1, "the stray file is not held")
        self.check_ends(workspace.sync("--allow-mass-delete"), (0,), "the other disk is gone for good")
        self._comes_back(workspace, "mounted again")

    def mount_inside_lost(self, chance) -> None:
        workspace = self.workspace("mount-inside")
        (workspace.folder / "notes").mkdir()
        workspace.configure(TWO_SOURCES)
        (workspace.docs / "part").mkdir()
        Tree(workspace.folder / "notes", chance, paragraphs=(1, 3)).create(NOTES)
        with Mounted(workspace.docs / "part"):
            tree = Tree(workspace.docs, chance, paragraphs=(1, 3))
            tree.create(DOCUMENTS - 20)
            tree.create(20, "part/")
            self.check_ends(workspace.sync(), (0,), "first sync")
        self._after(workspace, "mount inside lost", workspace.sync(), (4,), 0, 20)
        outcome = workspace.sync("--allow-mass-delete")
        self._after(workspace, "same, --allow-mass-delete", outcome, (0,), 20, 0, "vanished")
        self.check_in_step(workspace, "the mount is gone for good")
        workspace.remove()

    def other_mount(self, chance) -> None:
        """Another disk with other files where one was before, which the system numbers as it numbered that one."""
        workspace = self.workspace("other-mount")
        (workspace.folder / "notes").mkdir()
        workspace.configure(TWO_SOURCES)
        Tree(workspace.folder / "notes", chance, paragraphs=(1, 3)).create(NOTES)
        with Mounted(workspace.docs):
            Tree(workspace.docs, chance, paragraphs=(1, 3)).create(DOCUMENTS)
            self.check_ends(workspace.sync(), (0,), "first sync")
        with Mounted(workspace.docs):
            (workspace.docs / "other.md").write_text("A file of another disk.\n")
            outcome = workspace.sync()
            self.check(outcome.documents("deleted") == 0, f"another disk let {outcome.documents('deleted')} go")
            self.check(outcome.code == 4, f"another disk in the place of the one before: {outcome}")
        workspace.remove()

    def unreadable(self, chance) -> None:
        workspace, _ = self._prepared(chance, "unreadable", as_nobody=True)
        workspace.docs.chmod(0)
        self._after(workspace, "root unreadable", workspace.sync(), (4,), 0, None)
        workspace.docs.chmod(0o755)
        self._comes_back(workspace, "root unreadable")

    def not_a_folder(self, chance) -> None:
        workspace, _ = self._prepared(chance, "not-a-folder")
        workspace.docs.rename(workspace.folder / "away")
        workspace.docs.write_text("A file where the folder was.\n")
        self._after(workspace, "root is a file", workspace.sync(), (4,), 0, None)
        workspace.docs.unlink()
        (workspace.folder / "away").rename(workspace.docs)
        self._comes_back(workspace, "root is a file")

    def moved_root(self, chance) -> None:
        """The whole folder is elsewhere and the configuration follows: the same source, nothing embedded."""
        workspace, _ = self._prepared(chance, "moved-root")
        workspace.docs.rename(workspace.folder / "manual")
        workspace.configure("  - { name: docs, path: manual }\n  - { name: notes, path: notes }\n")
        self._after(workspace, "root moved, name kept", workspace.sync(), (0,), 0, 0)
        self._comes_back(workspace, "root moved")

    # Parts

    def unreadable_part(self, chance) -> None:
        workspace, _ = self._prepared(chance, "unreadable-part", as_nobody=True)
        (workspace.docs / "part").chmod(0)
        self._after(workspace, "folder unreadable", workspace.sync(), (4,), 0, None)
        (workspace.docs / "part").chmod(0o755)
        self._comes_back(workspace, "folder unreadable")

    def unreadable_file(self, chance) -> None:
        workspace, tree = self._prepared(chance, "unreadable-file", as_nobody=True)
        victim = workspace.docs / sorted(tree.versions)[0]
        os.utime(victim)
        victim.chmod(0)
        outcome = workspace.sync()
        self._after(workspace, "file unreadable", outcome, (3, 4), 0, None)
        self.check(any(line["error"]["code"] == "unreadable" for line in outcome.lines("failure")) or outcome.code == 4,
                   f"the unreadable file is not reported: {outcome.lines('failure')}")
        victim.chmod(0o644)
        self._comes_back(workspace, "file unreadable")

    def deleted_beside_unreadable(self, chance) -> None:
        workspace, tree = self._prepared(chance, "beside", as_nobody=True)
        gone = [path for path in sorted(tree.versions) if not path.startswith("part/")][:3]
        for path in gone:
            (workspace.docs / path).unlink()
        (workspace.docs / "part").chmod(0)
        self._after(workspace, "3 deleted, folder unreadable", workspace.sync(), (4,), 3, None, "vanished")
        (workspace.docs / "part").chmod(0o755)
        self._comes_back(workspace, "3 deleted beside an unreadable folder")

    def some_deleted(self, chance) -> None:
        workspace, tree = self._prepared(chance, "some-deleted")
        for path in sorted(tree.versions)[:18]:
            (workspace.docs / path).unlink()
        self._after(workspace, "18 of 60 deleted", workspace.sync(), (0,), 18, 0, "vanished")
        self._comes_back(workspace, "18 deleted")

    def many_deleted(self, chance) -> None:
        workspace, tree = self._prepared(chance, "many-deleted")
        content = {path: (workspace.docs / path).read_bytes() for path in sorted(tree.versions)[:25]}
        for path in content:
            (workspace.docs / path).unlink()
        self._after(workspace, "25 of 60 deleted", workspace.sync(), (4,), 0, 25)
        self._after(workspace, "the same again", workspace.sync(), (4,), 0, 25)
        outcome = workspace.sync("--allow-mass-delete")
        self._after(workspace, "same, --allow-mass-delete", outcome, (0,), 25, 0, "vanished")
        for path, data in content.items():
            (workspace.docs / path).write_bytes(data)
        self._comes_back(workspace, "25 deleted", restored=25)

    # The configuration

    def narrowed_little(self, chance) -> None:
        workspace, _ = self._prepared(chance, "narrowed-little")
        workspace.configure("  - { name: docs, path: docs }\n  - { name: notes, path: notes, exclude: ['**'] }\n")
        self._after(workspace, "patterns leave 10 out", workspace.sync(), (0,), NOTES, 0, "out_of_scope")
        workspace.configure(TWO_SOURCES)
        self._comes_back(workspace, "patterns leave 10 out", restored=NOTES)

    def narrowed_much(self, chance) -> None:
        workspace, _ = self._prepared(chance, "narrowed-much")
        workspace.configure(
            "  - { name: docs, path: docs, include: ['part/**'] }\n  - { name: notes, path: notes }\n")
        self._after(workspace, "patterns leave 40 of 60 out", workspace.sync(), (4,), 0, 40)
        outcome = workspace.sync("--allow-mass-delete")
        self._after(workspace, "same, --allow-mass-delete", outcome, (0,), 40, 0, "out_of_scope")
        workspace.configure(TWO_SOURCES)
        self._comes_back(workspace, "patterns widened again", restored=40)

    def source_out(self, chance) -> None:
        workspace, _ = self._prepared(chance, "source-out")
        workspace.configure(ONE_SOURCE)
        self._after(workspace, "source of 10 unconfigured", workspace.sync(), (0,), NOTES, 0, "source_removed")
        workspace.configure(TWO_SOURCES)
        self._comes_back(workspace, "source configured again", restored=NOTES)

    def large_source_out(self, chance) -> None:
        workspace, _ = self._prepared(chance, "large-source-out")
        workspace.configure("  - { name: notes, path: notes }\n")
        self._after(workspace, "source of 60 unconfigured", workspace.sync(), (4,), 0, DOCUMENTS)
        outcome = workspace.sync("--allow-mass-delete")
        self._after(workspace, "same, --allow-mass-delete", outcome, (0,), DOCUMENTS, 0, "source_removed")
        workspace.configure(TWO_SOURCES)
        self._comes_back(workspace, "source of 60 configured again", restored=DOCUMENTS)


class Mounted:
    """An empty file system mounted over a folder as long as the block runs."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(self.folder)], capture_output=True, text=True)
        if done.returncode:
            raise Skipped(f"cannot mount ({done.stderr.strip() or 'no permission'})")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", str(self.folder)], check=True)
