"""The engines that are compared: how each is called, and how its answer is read.

An engine brings a folder and its own state in step (`sync`), and tells what its index holds (`rows`: a counter of
[document, key of the chunk's text]). What it embedded is known text by text for the Python engines, whose stub writes
a log; Freshet reports counts, and names its texts through the HTTP embedder where the comparison needs them.
"""

import collections
import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LONGEST_RUN_SECONDS = 1800
EXIT_SOME_FAILED = 3  # Freshet's: done, but some documents failed; they are in its summary and below the table

Rows = collections.Counter  # of (document, key of the chunk's text)


class Failure(Exception):
    """A sentence for the person at the terminal, with the remedy in it."""


@dataclasses.dataclass
class Run:
    """What one run of an engine took and did."""

    cpu: float  # seconds, with all descendants
    wall: float  # seconds
    memory: int  # bytes, peak
    exit: int
    killed: str | None
    embedded: int | None  # texts; nothing where it cannot be told
    texts: list[str] | None  # their keys in the order of embedding, where the engine's stub writes a log
    summary: dict | None = None  # Freshet's own last line


@dataclasses.dataclass
class Kill:
    """When to kill a run: the file and the size at which it does."""

    file: pathlib.Path | str  # "-": after `size` milliseconds
    size: int


def measured(command, out: pathlib.Path, environment=None, kill: Kill | None = None) -> dict:
    """Runs the command in a measuring process; its output goes to `out` and `out`.errors."""
    report = out.with_suffix(".measured.json")
    report.unlink(missing_ok=True)
    options = ["--timeout", str(LONGEST_RUN_SECONDS)]
    if kill is not None:
        options += ["--kill-when", str(kill.file), str(kill.size)]
    with open(out, "wb") as output, open(out.with_suffix(".errors"), "wb") as errors:
        subprocess.run(
            [sys.executable, str(HERE / "measure.py"), str(report), *options, "--", *map(str, command)],
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=errors,
            check=True,
            start_new_session=True,
        )
    return json.loads(report.read_text())


def failed(name: str, figures: dict, out: pathlib.Path) -> Failure:
    errors = out.with_suffix(".errors").read_text(errors="replace").strip().splitlines()
    tail = "\n  ".join(errors[-8:]) or "(nothing on stderr)"
    what = "took too long" if figures["killed"] == "timeout" else f"ended with {figures['exit']}"
    return Failure(f"{name} {what}; {out.with_suffix('.errors')} ends with\n  {tail}")


class PythonEngine:
    """An engine with a driver beside this file and an environment made by scripts/peers-install."""

    renames_are_known = False

    def __init__(self, name: str, title: str, environments: pathlib.Path, chunk: int, overlap: int) -> None:
        self.name, self.title = name, title
        self.python = environments / name / "bin/python"
        self.sizes = ("--chunk", str(chunk), "--overlap", str(overlap))
        if not self.python.exists():
            raise Failure(f"there is no {self.python}; run scripts/peers-install {name}")

    def prepare(self, work: pathlib.Path) -> None:
        """Imports everything once, unmeasured, so that no engine pays for a cold disk."""
        self._call("warm", work, work / "warm", work / "warm.log")

    def sync(self, folder, state, out: pathlib.Path, kill: Kill | None = None, pause: float = 0) -> Run:
        log = out.with_suffix(".texts")
        log.unlink(missing_ok=True)
        figures = self._call("sync", folder, state, out, kill, {"STUB_LOG": str(log), "STUB_PAUSE": str(pause)})
        if figures["exit"] != 0 and figures["killed"] != "on purpose":
            raise failed(self.title, figures, out)
        texts = log.read_text().split() if log.exists() else []
        return Run(**figures, embedded=len(texts), texts=texts)

    def kill_at(self, whole: Run, out: pathlib.Path) -> Kill:
        """Half of the texts of a whole run; each is a line of 17 bytes."""
        return Kill(out.with_suffix(".texts"), len(whole.texts or []) // 2 * 17)

    def rows(self, folder, state, out: pathlib.Path) -> Rows:
        result = out.with_suffix(".rows")
        result.unlink(missing_ok=True)
        figures = self._call("rows", folder, state, out, result=result)
        if figures["exit"] != 0:
            raise failed(f"{self.title}, reading its index back,", figures, out)
        return Rows(tuple(row) for row in json.loads(result.read_text()))

    def _call(self, verb, folder, state, out, kill=None, environment=None, result=None) -> dict:
        command = [self.python, "-W", "ignore", HERE / f"driver_{self.name}.py", verb, *self.sizes]
        command += ["--folder", folder, "--state", state]
        if result is not None:
            command += ["--out", result]
        # Nothing that is measured here reports to its maker.
        silent = {"COCOINDEX_DISABLE_USAGE_TRACKING": "1", "ANONYMIZED_TELEMETRY": "False", "DO_NOT_TRACK": "1"}
        return measured(command, out, {**silent, **(environment or {})}, kill)


class Freshet:
    """Freshet through its binary and its JSON contract."""

    name, title = "freshet", "**Freshet**"
    renames_are_known = True

    def __init__(self, binary: pathlib.Path) -> None:
        self.binary = binary
        if not os.access(binary, os.X_OK):
            raise Failure(f"there is no {binary}; run `make build`, or name the binary with --freshet")

    def prepare(self, work: pathlib.Path) -> None:
        figures = measured([self.binary, "--version"], work / "warm.log")
        if figures["exit"] != 0:
            raise failed(self.title, figures, work / "warm.log")

    def sync(self, folder, state, out: pathlib.Path, kill: Kill | None = None, pause: float = 0) -> Run:
        if kill is None and pause == 0:
            return self._sync(folder, state, out)
        return self._counted(folder, state, out, kill, pause)

    def kill_at(self, whole: Run, out: pathlib.Path) -> Kill:
        return Kill(out.with_suffix(".texts"), (whole.embedded or 0) // 2 * 17)

    def rows(self, folder, state, out: pathlib.Path) -> Rows:
        configuration = configuration_of(state)
        trust = ["--trust"] if "provider: http" in configuration.read_text() else []
        figures = measured([self.binary, "export", "--format", "jsonl", "--config", configuration, *trust], out)
        if figures["exit"] != 0:
            raise failed(f"{self.title}, exporting,", figures, out)
        rows = Rows()
        with open(out, encoding="utf-8") as lines:
            for line in lines:
                chunk = json.loads(line)
                text = "\x1f".join([*chunk["heading"], chunk["text"]])
                rows[chunk["origin"], hashlib.sha1(text.encode()).hexdigest()[:16]] += 1
        return rows

    def _sync(self, folder, state, out, environment=None, kill=None, embedder="{ provider: hash }", options=()) -> Run:
        configuration = self._configure(folder, state, embedder)
        environment = environment or {"FRESHET_EMBEDDER_PROVIDER": "hash"}
        command = [self.binary, "sync", "--json", "--config", configuration, *options]
        figures = measured(command, out, environment, kill)
        if figures["exit"] not in (0, EXIT_SOME_FAILED) and figures["killed"] != "on purpose":
            raise failed(self.title, figures, out)
        summary = None
        for line in out.read_text().splitlines():
            if line.startswith("{") and line.endswith("}"):
                record = json.loads(line)
                summary = record if record.get("type") == "summary" else summary
        embedded = summary["chunks"]["embedded"] if summary else None
        return Run(**figures, embedded=embedded, texts=None, summary=summary)

    def _counted(self, folder, state, out, kill, pause) -> Run:
        """A run whose embedder is a server that logs each text: how else to know what a killed run computed?"""
        import embedding_server

        log = out.with_suffix(".texts")
        log.unlink(missing_ok=True)
        with embedding_server.serving(log, pause) as address:
            embedder = f'{{ provider: http, url: "{address}", model: stub, dimension: 384 }}'
            environment = {"FRESHET_EMBEDDER_PROVIDER": "http"}
            run = self._sync(folder, state, out, environment, kill, embedder, ("--trust",))
        run.texts = log.read_text().split() if log.exists() else []
        run.embedded = len(run.texts)
        return run

    def _configure(self, folder, state, embedder) -> pathlib.Path:
        configuration = configuration_of(state)
        text = (
            f"collection: {json.dumps(state.name)}\n"
            f"sources:\n  - name: corpus\n    path: {json.dumps(os.path.relpath(folder, state.parent))}\n"
            f"embedder: {embedder}\n"
        )
        if not configuration.exists() or configuration.read_text() != text:
            configuration.write_text(text)
        return configuration


def configuration_of(state: pathlib.Path) -> pathlib.Path:
    """Beside the state and the documents: a path outside of the configuration's folder would need trust."""
    return state.with_name(f"{state.name}.yaml")


TITLES = {"cocoindex": "CocoIndex + LanceDB", "pathway": "Pathway", "langchain": "LangChain index() + FAISS"}
NAMES = ("freshet", *TITLES)


def make(name: str, freshet: pathlib.Path, environments: pathlib.Path, chunk: int, overlap: int):
    """The engine of this name."""
    if name == "freshet":
        return Freshet(freshet)
    return PythonEngine(name, TITLES[name], environments, chunk, overlap)
