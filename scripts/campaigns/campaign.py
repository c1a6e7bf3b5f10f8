"""What every campaign is: named cases with a seed of their own, checks that are counted, a closing line."""

import argparse
import dataclasses
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

from freshet import Outcome, State, Workspace

MOST_FAILURES_PRINTED = 40


@dataclasses.dataclass
class Options:
    """What the caller asked for."""

    binary: str
    seed: int
    quick: bool
    case: str | None  # runs the cases whose label starts with this alone
    corpus: pathlib.Path | None
    keep: bool


class Campaign:
    """One campaign; subclasses say what it does in `cases`."""

    name = ""
    summary = ""

    def __init__(self, options: Options):
        self.options = options
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"freshet-{self.name}-")).resolve()
        self.folder.chmod(0o755)
        self._label = ""
        self._failed_before = 0
        self._failures: dict[str, int] = {}

    # To be overridden

    def cases(self):
        """Yields (label, function); the function gets the case's random generator."""
        raise NotImplementedError

    def report(self) -> None:
        """Prints figures after the last case."""

    # Running

    def run(self) -> bool:
        start = time.monotonic()
        self.say(f"seed {self.options.seed}; replay: {self._replay()}")
        for label, body in self.cases():
            if self.options.case is not None and not label.startswith(self.options.case):
                continue
            self._label = label
            before = self._failed_before = self.failed
            try:
                body(random.Random(f"{self.options.seed}:{self.name}:{label}"))
            except Skipped as reason:
                self.skipped += 1
                self.say(f"{label}: skipped: {reason}")
            except Exception as error:  # a campaign's own mistake must not hide the other cases
                self.check(False, f"the campaign itself failed: {type(error).__name__}: {error}")
                if self.options.keep:
                    raise
            if self.failed > before:
                self.say(f"{label}: replay: {self._replay(label)}")
        self._label = ""
        self.report()
        if self.failed and self.options.keep:
            self.say(f"the folder is kept: {self.folder}")
        else:
            subprocess.run(["chmod", "-R", "u+rwX", str(self.folder)], check=False, stderr=subprocess.DEVNULL)
            shutil.rmtree(self.folder, ignore_errors=True)
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        seconds = time.monotonic() - start
        print(f"{self.name}: {self.passed} passed, {self.failed} failed{skipped} ({seconds:.0f} s)", flush=True)
        return self.failed == 0

    def say(self, text: str) -> None:
        print(f"{self.name}: {text}", flush=True)

    # Checks

    def check(self, condition: object, what: str) -> bool:
        """Counts a check; prints what did not hold."""
        if condition:
            self.passed += 1
            return True
        self.failed += 1
        if self.failed <= MOST_FAILURES_PRINTED:
            place = f"{self._label}: " if self._label else ""
            print(f"{self.name}: FAILED: {place}{what}", file=sys.stderr, flush=True)
        return False

    def check_ends(self, outcome: Outcome, codes: tuple[int, ...], what: str) -> bool:
        """The call ended with one of the exit codes, and with a sentence where it did not succeed."""
        if outcome.timed_out:
            return self.check(False, f"{what}: did not end in {outcome.seconds:.0f} s")
        if not self.check(not outcome.crashed, f"{what}: crashed: {outcome}: {outcome.errors[:3000]}"):
            return False
        if not self.check(outcome.code in codes, f"{what}: expected exit {' or '.join(map(str, codes))}: {outcome}"):
            return False
        if outcome.code not in (0, 130):
            return self.check(is_sentence(outcome.errors), f"{what}: no sentence on stderr: {outcome.errors[:300]!r}")
        return True

    def check_verifies(self, workspace: Workspace, what: str = "", **environment: str) -> bool:
        answer = workspace.verify(**environment)
        return self.check(
            answer.get("ok") is True and not answer.get("problems"),
            f"{what}: verify: {str(answer.get('problems') or answer)[:400]}",
        )

    def check_in_step(self, workspace: Workspace, what: str, expected: State | None = None, **environment) -> State:
        """`verify` is content, and the collection holds what a first sync would make. Answers what it would."""
        self.check_verifies(workspace, what, **environment)
        if expected is None:
            expected = workspace.fresh_state(**environment)
            self.check(expected.documents or not any(workspace.docs.rglob("*.md")), f"{what}: a first sync made nothing")
        differences = workspace.state(**environment).differences(expected)
        self.check(not differences, f"{what}: not what a first sync makes: {'; '.join(differences)}")
        return expected

    def workspace(self, label: str, **options) -> Workspace:
        folder = self.folder / label
        shutil.rmtree(folder, ignore_errors=True)
        return Workspace(folder, self.options.binary, **options)

    def discard(self, workspace: Workspace) -> None:
        """Removes a workspace that is not needed any more; with --keep not in a case that failed."""
        if not self.options.keep or self.failed == self._failed_before:
            workspace.remove()

    def _replay(self, label: str | None = None) -> str:
        quick = " --quick" if self.options.quick else ""
        case = f" --case '{label}'" if label else ""
        return f"scripts/campaign --seed {self.options.seed}{quick}{case} {self.name}"


class Skipped(Exception):
    """A case cannot be run here; the text says why."""


def is_sentence(errors: str) -> bool:
    """Whether stderr says what went wrong in words: three words at least, and nothing that a trap would print."""
    lines = [line for line in errors.strip().splitlines() if line.strip()]
    return any(len(line.split()) >= 3 for line in lines) and "Fatal error" not in errors and "Stack dump" not in errors


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/campaign", description="Tries to break the built command.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="campaigns to run; all but `big` without any")
    parser.add_argument("--quick", action="store_true", help="a small share, minutes in all")
    parser.add_argument("--seed", type=int, help="replays a run (default: a new one)")
    parser.add_argument("--case", help="only the cases whose label starts with this")
    parser.add_argument("--binary", help="the command under test (default: .build/release/freshet)")
    parser.add_argument("--corpus", type=pathlib.Path, help="real documents (default: FRESHET_CORPUS, .toolchain/bench/corpus)")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a campaign that failed")
    parser.add_argument("--list", action="store_true", help="print the campaigns and end")
    return parser
