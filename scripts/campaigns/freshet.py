"""The command under test, and a collection that it keeps: everything a campaign does goes through here."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

SECONDS_PER_CALL = 120
SECONDS_UNTIL_HELPERS_ARE_GONE = 3.0
NOBODY = 65534
MARK = "FRESHET_CAMPAIGN_MARK"


@dataclasses.dataclass
class Outcome:
    """How one call of the command ended."""

    code: int  # negative: the signal that ended it
    output: str
    errors: str
    seconds: float
    peak_bytes: int  # the most memory resident, sampled
    timed_out: bool = False

    def lines(self, kind: str | None = None) -> list[dict]:
        """The JSON lines, all or those of one type; a line that a kill cut is left out."""
        found = []
        for line in self.output.splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict) and (kind is None or value.get("type") == kind):
                found.append(value)
        return found

    def value(self) -> dict:
        """The last JSON object; empty when there is none. It may stand on one line or on many."""
        try:
            value = json.loads(self.output)
            return value if isinstance(value, dict) else {}
        except ValueError:
            lines = self.lines()
            return lines[-1] if lines else {}

    @property
    def summary(self) -> dict:
        lines = self.lines("summary")
        return lines[-1] if lines else {}

    def documents(self, outcome: str) -> int:
        """How many documents the summary counts under an outcome."""
        return self.summary.get("documents", {}).get(outcome, 0)

    @property
    def embedded(self) -> int:
        return self.summary.get("chunks", {}).get("embedded", 0)

    @property
    def crashed(self) -> bool:
        """Whether it ended by a signal, or with a trap's message."""
        return self.code < 0 or self.code >= 128 and self.code != 130 or "Fatal error" in self.errors

    @property
    def last_error(self) -> str:
        lines = [line for line in self.errors.strip().splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""

    def __str__(self) -> str:
        return f"exit {self.code}, {self.seconds:.1f} s, {self.last_error!r}"


class Running:
    """A call under way."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: pathlib.Path):
        self.mark = uuid.uuid4().hex
        self.started = time.monotonic()
        self._output = tempfile.TemporaryFile()
        self._errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment | {MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._errors,
            start_new_session=True,
        )
        self._ended: float | None = None
        self._peak = 0

    def has_ended(self) -> bool:
        if self._ended is None:
            self._sample_memory()
            pid, status = os.waitpid(self.process.pid, os.WNOHANG)
            if pid:
                self._ended = time.monotonic()
                self.process.returncode = os.waitstatus_to_exitcode(status)
        return self._ended is not None

    def wait(self, seconds: float = SECONDS_PER_CALL) -> Outcome:
        """Waits for the end; kills what takes longer."""
        deadline = time.monotonic() + seconds
        timed_out = False
        pause = 0.001
        while not self.has_ended():
            if time.monotonic() > deadline and not timed_out:
                timed_out = True
                self.kill()
            time.sleep(pause)
            pause = min(pause * 1.5, 0.02)
        self._output.seek(0)
        self._errors.seek(0)
        outcome = Outcome(
            code=self.process.returncode,
            output=self._output.read().decode(errors="replace"),
            errors=self._errors.read().decode(errors="replace"),
            seconds=self._ended - self.started,
            peak_bytes=self._peak,
            timed_out=timed_out,
        )
        self._output.close()
        self._errors.close()
        return outcome

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Signals the process alone: what it started has to notice by itself."""
        if self._ended is None:
            os.kill(self.process.pid, number)

    def orphans(self) -> list[int]:
        """What it started and is still there after a moment; ends them, so that nothing piles up."""
        deadline = time.monotonic() + SECONDS_UNTIL_HELPERS_ARE_GONE
        left = self._children()
        while left and time.monotonic() < deadline:
            time.sleep(0.01)
            left = self._children()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return left

    def _children(self) -> list[int]:
        """Living processes of its session, or with its mark in their environment."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == self.process.pid:
                continue
            try:
                fields = pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()
                state, session = fields[0], int(fields[3])
                is_ours = session == self.process.pid
                if not is_ours:
                    is_ours = self.mark.encode() in pathlib.Path("/proc", entry, "environ").read_bytes()
            except (OSError, IndexError):
                continue
            if is_ours and state not in "ZX":
                found.append(int(entry))
        return found

    def _sample_memory(self) -> None:
        """The peak so far. What `wait4` reports would include our own size, which a child has until it executes."""
        try:
            text = pathlib.Path("/proc", str(self.process.pid), "status").read_text()
        except OSError:
            return
        name = text.split("\n", 1)[0]
        found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.M)
        if found and name.endswith("freshet"):
            self._peak = int(found[1]) * 1024


class Workspace:
    """A folder with sources, a `freshet.yaml`, and the collection that the command keeps of them."""

    def __init__(self, folder: pathlib.Path, binary: str, dimension: int = 64):
        self.folder = folder
        self.binary = binary
        self.docs = folder / "docs"
        self.collection = folder / ".freshet"
        self.embedding_log = folder.parent / (folder.name + ".embedded")
        self.user: int | None = None  # runs the command as this user
        self.environment = {
            "FRESHET_EMBEDDER_PROVIDER": "hash",
            "FRESHET_EMBEDDER_DIMENSION": str(dimension),
            "FRESHET_HASH_EMBEDDER_LOG": str(self.embedding_log),
            "HOME": str(folder.parent / "home"),
            "XDG_CONFIG_HOME": str(folder.parent / "home" / ".config"),
        }
        self.docs.mkdir(parents=True, exist_ok=True)
        (folder.parent / "home").mkdir(exist_ok=True)
        self.configure()

    # The configuration

    def configure(self, sources: str = "  - { name: docs, path: docs }\n", more: str = "") -> None:
        """Writes `freshet.yaml`: the YAML of the list of sources, and further keys."""
        (self.folder / "freshet.yaml").write_text(f"collection: .freshet\nsources:\n{sources}{more}")

    # Calls

    def start(self, *arguments: str, **environment: str) -> Running:
        command = [self.binary, *arguments]
        if self.user is not None:
            command = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "--", *command]
        return Running(command, self.variables(**environment), self.folder)

    def variables(self, **environment: str) -> dict[str, str]:
        """The environment of a call: of Freshet's own variables only those that the campaign sets."""
        base = {key: value for key, value in os.environ.items() if not key.startswith("FRESHET_")}
        for key in ("FRESHET_MODELS", "FRESHET_ONNXRUNTIME"):
            if key in os.environ:
                base[key] = os.environ[key]
        return base | {key: value for key, value in (self.environment | environment).items() if value is not None}

    def call(self, *arguments: str, seconds: float = SECONDS_PER_CALL, **environment: str) -> Outcome:
        return self.start(*arguments, **environment).wait(seconds)

    def sync(self, *arguments: str, seconds: float = SECONDS_PER_CALL, **environment: str) -> Outcome:
        return self.call("sync", "--json", *arguments, seconds=seconds, **environment)

    def verify(self, **environment: str) -> dict:
        """What `verify` says; what it said on stderr, when it could not."""
        outcome = self.call("verify", "--json", **environment)
        return outcome.value() or {"ok": False, "problems": [{"code": "no_answer", "message": str(outcome)}]}

    def status(self) -> dict:
        return self.call("status", "--json").value()

    def search(self, query: str, *arguments: str, **environment: str) -> Outcome:
        # The query's embedding is no text of a document: it is not logged.
        silent = {"FRESHET_HASH_EMBEDDER_LOG": None} | environment
        return self.call("search", "--json", *arguments, query, **silent)

    def history(self, document: str) -> list[dict]:
        return self.call("history", "--json", document).lines()

    def list(self, **environment: str) -> list[dict]:
        return self.call("list", "--json", **environment).lines()

    def export(self, **environment: str) -> list[dict]:
        return self.call("export", "--format", "jsonl", **environment).lines()

    # What was embedded

    def embedded_texts(self) -> list[str]:
        """A line for each text that the embedder was given, over all calls so far; a torn last line is left out."""
        try:
            return self.embedding_log.read_bytes().decode(errors="replace").split("\n")[:-1]
        except FileNotFoundError:
            return []

    # Copies

    def copy(self, folder: pathlib.Path) -> "Workspace":
        """The same sources and collection elsewhere, with their times."""
        shutil.copytree(self.folder, folder, symlinks=True, copy_function=shutil.copy2)
        made = Workspace.__new__(Workspace)
        made.__dict__.update(self.__dict__)
        made.folder, made.docs, made.collection = folder, folder / "docs", folder / ".freshet"
        made.embedding_log = folder.parent / (folder.name + ".embedded")
        made.environment = self.environment | {"FRESHET_HASH_EMBEDDER_LOG": str(made.embedding_log)}
        return made

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.embedding_log.unlink(missing_ok=True)

    # Comparison

    def state(self, **environment: str) -> "State":
        return State.of(self.list(**environment), self.export(**environment))

    def fresh_state(self, **environment: str) -> "State":
        """What a first sync of the sources as they are makes, in a collection of its own."""
        folder = self.folder.parent / f"{self.folder.name}-fresh-{uuid.uuid4().hex[:8]}"
        elsewhere = environment | {
            "FRESHET_COLLECTION": str(folder),
            "FRESHET_HASH_EMBEDDER_LOG": None,
            "FRESHET_HASH_EMBEDDER_FAIL_AT": None,
            "FRESHET_HASH_EMBEDDER_FAIL_TEXT": None,
        }
        try:
            outcome = self.sync(seconds=SECONDS_PER_CALL * 5, **elsewhere)
            state = self.state(**elsewhere)
            state.code = outcome.code
            return state
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclasses.dataclass
class State:
    """What a collection holds, without identities and history."""

    documents: dict[tuple[str, str], tuple]  # by source and origin: hash, size, chunks
    duplicates: list[tuple[str, str]]
    chunks: collections.Counter  # source, origin, heading, text, vector
    versions: dict[tuple[str, str], int]
    code: int = 0

    @classmethod
    def of(cls, listed: list[dict], exported: list[dict]) -> "State":
        live = [line for line in listed if line.get("state", "live") == "live"]
        keys = collections.Counter((line.get("source"), line.get("origin")) for line in live)
        return cls(
            documents={
                (line.get("source"), line.get("origin")): (line.get("hash"), line.get("size"), line.get("chunks"))
                for line in live
            },
            duplicates=[key for key, count in keys.items() if count > 1],
            chunks=collections.Counter(
                (
                    line.get("source"),
                    line.get("origin"),
                    tuple(line.get("heading") or ()),
                    line.get("text"),
                    hashlib.sha256(json.dumps(line.get("vector")).encode()).hexdigest(),
                )
                for line in exported
            ),
            versions={(line.get("source"), line.get("origin")): line.get("version") for line in live},
        )

    def differences(self, expected: "State") -> list[str]:
        """Sentences on what is otherwise than expected; none when they are equal."""
        found = []
        lost = expected.documents.keys() - self.documents.keys()
        extra = self.documents.keys() - expected.documents.keys()
        other = [key for key in self.documents.keys() & expected.documents.keys()
                 if self.documents[key] != expected.documents[key]]
        for what, keys in (("lost", lost), ("left over", extra), ("different", other), ("twice", self.duplicates)):
            if keys:
                found.append(f"{len(keys)} documents {what}, such as {sorted(map(str, keys))[0]}")
        missing, surplus = expected.chunks - self.chunks, self.chunks - expected.chunks
        if missing:
            found.append(f"{missing.total()} chunks missing, such as one of {next(iter(missing))[1]}")
        if surplus:
            found.append(f"{surplus.total()} chunks too many, such as one of {next(iter(surplus))[1]}")
        return found
