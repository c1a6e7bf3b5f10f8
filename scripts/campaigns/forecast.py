"""The dry run of a first sync with the real model against what the sync then does."""

import os
import shutil
import time

from campaign import Campaign, Skipped
from prose import folder

TOKENS_OFF_MOST = 0.02
SAMPLE_MOST = 64  # texts that a dry run may embed to measure the speed
TIME_OFF_MOST = 0.5  # of a machine that others use too


class Forecast(Campaign):
    name = "forecast"
    summary = "tokens and time that a dry run predicts, against the real sync"

    def cases(self):
        yield "hash", lambda chance: self.compare(chance, "hash", 200 if not self.options.quick else 30)
        yield "onnx", lambda chance: self.compare(chance, "onnx", 60 if not self.options.quick else 6)

    def compare(self, chance, provider: str, count: int) -> None:
        if provider == "onnx" and not os.path.isdir(os.path.join(os.environ.get("FRESHET_MODELS", ""), "all-minilm-l6-v2")):
            raise Skipped("the model is not installed; run scripts/setup")
        workspace = self.workspace(provider)
        if provider == "onnx":
            workspace.environment |= {"FRESHET_EMBEDDER_PROVIDER": "onnx", "FRESHET_EMBEDDER_DIMENSION": None}
        corpus = folder(self)
        files = sorted(path for path in corpus.rglob("*")
                       if path.is_file() and path.suffix in (".html", ".md", ".txt", ".rst"))
        for file in chance.sample(files, min(count, len(files))):
            place = workspace.docs / file.relative_to(corpus)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
        start = time.monotonic()
        dry = workspace.sync("--dry-run", seconds=600)
        self.check_ends(dry, (0, 4), "dry run")
        lines = dry.lines("forecast")
        if not self.check(len(lines) == 1, f"{len(lines)} forecasts: {dry}"):
            return
        self.check(not (workspace.collection / "collection.sqlite").exists(), "the dry run left a collection")
        sample = len(workspace.embedded_texts())
        self.check(sample <= SAMPLE_MOST, f"the dry run embedded {sample} texts")
        dry_seconds = time.monotonic() - start
        outcome = workspace.sync(seconds=3600)
        self.check_ends(outcome, (0, 3), "the sync")
        forecast, summary = lines[0], outcome.summary
        tokens, real = forecast["embedder"]["tokens"], summary["embedder"]["tokens"]
        texts, real_texts = forecast["chunks"]["embedded"], summary["chunks"]["embedded"]
        seconds, real_seconds = forecast.get("seconds"), summary["seconds"]["total"]
        off = abs(tokens - real) / max(real, 1)
        said = f"{seconds:.1f} s" if seconds is not None else "unknown"
        self.say(
            f"{provider}: {count} files: predicted {tokens:,} tokens of {texts:,} texts in {said}; were {real:,} "
            f"({off:.2%} off) of {real_texts:,} in {real_seconds:.1f} s; the dry run took {dry_seconds:.1f} s"
        )
        self.check(off <= TOKENS_OFF_MOST, f"tokens are {off:.1%} off")
        self.check(texts == real_texts, f"{texts} texts predicted, {real_texts} embedded")
        for kind in ("created", "failed", "skipped"):
            predicted = forecast["documents"].get(kind, 0)
            self.check(predicted == outcome.documents(kind), f"{predicted} {kind} predicted, were {outcome.documents(kind)}")
        if provider == "onnx":
            self.check(seconds is not None, "no time is predicted for the real model")
            if seconds is not None and real_seconds > 5:
                self.check(abs(seconds - real_seconds) / real_seconds <= TIME_OFF_MOST,
                           f"{seconds:.1f} s predicted, {real_seconds:.1f} s taken")
        again = workspace.sync("--dry-run").lines("forecast")
        self.check(again and again[0]["embedder"]["tokens"] == 0, f"a dry run of nothing predicts {again}")
        self.check_verifies(workspace, "after the sync")
        workspace.remove()
