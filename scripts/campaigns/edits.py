"""What an edit costs: one paragraph edited, inserted or deleted in each of many real documents."""

from campaign import Campaign
from prose import OPERATIONS, paragraphs, take

# What § 6 of the design promises of the chunks that one edit changes.
MEAN_MOST, HIGH_MOST = 1.8, 3
ENOUGH = 100  # documents, below which a mean and a percentile are chance
ANY_MOST = 8  # chunks within the reach of one edit


class Edits(Campaign):
    name = "edits"
    summary = "chunks embedded by one paragraph's edit, in real documents"

    def cases(self):
        yield "edits", self.edits

    def edits(self, chance) -> None:
        wanted = 30 if self.options.quick else 200
        workspace = self.workspace("edits")
        originals = take(self, workspace, chance, wanted)
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
