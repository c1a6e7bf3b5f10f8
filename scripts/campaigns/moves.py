"""A folder is renamed, copied, deleted and brought back: nothing is embedded, and the histories say what happened."""

import shutil

from campaign import Campaign
from documents import Tree


class Moves(Campaign):
    name = "moves"
    summary = "a folder of 500 files renamed, copied, deleted and back: 0 embeddings"

    def cases(self):
        yield "moves", self.moves

    def moves(self, chance) -> None:
        count, others = (60, 160) if self.options.quick else (500, 1300)
        workspace = self.workspace("moves")
        tree = Tree(workspace.docs, chance, paragraphs=(2, 5))
        tree.create(others, "other/")
        names = [path.removeprefix("folder/") for path in tree.create(count, "folder/")]
        self.check_ends(workspace.sync(), (0,), "first sync")
        self.embedded = len(workspace.embedded_texts())
        identities = self._identities(workspace, "folder/")
        self.check(len(identities) == count, f"{len(identities)} documents in the folder")
        sample = chance.sample(names, min(15, count))

        (workspace.docs / "folder").rename(workspace.docs / "renamed")
        self._step(workspace, "renamed", renamed=count)
        self.check(self._identities(workspace, "renamed/") == identities, "renamed: identities changed")
        self._histories(workspace, sample, "renamed/", ["created", "renamed"])
        moved = workspace.history(f"renamed/{sample[0]}")[-1:]
        self.check(moved and moved[0].get("from") == f"folder/{sample[0]}", f"renamed from: {moved}")

        shutil.copytree(workspace.docs / "renamed", workspace.docs / "copy")
        self._step(workspace, "copied", created=count)
        self.check(self._identities(workspace, "renamed/") == identities, "copied: the originals' identities changed")
        copies = self._identities(workspace, "copy/")
        self.check(not set(copies.values()) & set(identities.values()), "copied: a copy has its original's identity")
        self._histories(workspace, sample, "copy/", ["created"])
        self._histories(workspace, sample, "renamed/", ["created", "renamed"])

        shutil.rmtree(workspace.docs / "copy")
        self._step(workspace, "the copy deleted", deleted=count)

        away = workspace.folder / "away"
        (workspace.docs / "renamed").rename(away)
        self._step(workspace, "deleted", deleted=count)
        self._histories(workspace, sample, "renamed/", ["created", "renamed", "deleted"])
        away.rename(workspace.docs / "renamed")
        self._step(workspace, "back", restored=count)
        self.check(self._identities(workspace, "renamed/") == identities, "back: identities changed")
        self._histories(workspace, sample, "renamed/", ["created", "renamed", "deleted", "restored"])

        # The whole folder one level down, with one file of it edited at the same time.
        (workspace.docs / "deep").mkdir()
        (workspace.docs / "renamed").rename(workspace.docs / "deep" / "folder")
        edited = workspace.docs / "deep" / "folder" / sample[0]
        edited.write_bytes(edited.read_bytes() + b" ")
        outcome = workspace.sync("--allow-mass-delete")
        self.check_ends(outcome, (0,), "moved with an edit")
        self.check(outcome.documents("renamed") == count - 1, f"moved with an edit: {outcome.documents('renamed')} renamed")
        self.check_in_step(workspace, "moved with an edit")
        workspace.remove()

    def _step(self, workspace, what: str, **expected: int) -> None:
        outcome = workspace.sync()
        self.check_ends(outcome, (0,), what)
        for kind in ("created", "modified", "renamed", "restored", "deleted"):
            found = outcome.documents(kind)
            self.check(found == expected.get(kind, 0), f"{what}: {found} {kind} instead of {expected.get(kind, 0)}")
        embedded = len(workspace.embedded_texts()) - self.embedded
        self.check(embedded == 0 and outcome.embedded == 0, f"{what}: {embedded} texts embedded")
        counts = ", ".join(f"{count} {kind}" for kind, count in expected.items())
        self.say(f"{what}: {counts}; {embedded} embedded; {outcome.seconds:.2f} s")
        self.check_in_step(workspace, what)

    def _identities(self, workspace, prefix: str) -> dict[str, str]:
        return {
            line["origin"].removeprefix(prefix): line["document"]
            for line in workspace.list() if line["origin"].startswith(prefix)
        }

    def _histories(self, workspace, names: list[str], prefix: str, expected: list[str]) -> None:
        for name in names:
            found = [line.get("change") for line in workspace.history(f"docs:{prefix}{name}")]
            self.check(found == expected, f"history of {prefix}{name}: {found} instead of {expected}")
