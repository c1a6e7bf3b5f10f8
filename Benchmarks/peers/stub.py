"""What every Python driver shares: the stubbed embedder, the log of embedded texts, the call's arguments.

The stub turns a text into a unit vector of 384 numbers by hashing it, so that the benchmark measures the engine and
not a model. Each text that is embedded goes into the log by its hash, one write a batch, before the vectors are
returned: a process that is killed has logged everything that it computed.

Environment: STUB_LOG, the log; STUB_PAUSE, seconds of sleep per text (makes "killed at half" land at half).
"""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import time

import numpy

DIMENSION = 384
QUESTIONS = (
    "how do I create an index concurrently",
    "rebase interactive autosquash",
    "temperature sensor driver attributes",
    "maintainer scripts",
    "logging configuration handlers",
)

_log = os.open(os.environ["STUB_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND) if "STUB_LOG" in os.environ else None
_pause = float(os.environ.get("STUB_PAUSE", "0"))


def key(text: str) -> str:
    """The name of a text in logs and rows."""
    return hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def vector(text: str) -> numpy.ndarray:
    """The stubbed embedding of a text: 384 numbers of unit length."""
    data = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(DIMENSION)
    numbers = numpy.frombuffer(data, dtype=numpy.uint8).astype(numpy.float32) - 127.5
    return numbers / numpy.linalg.norm(numbers)


def embed(texts: list[str]) -> list[numpy.ndarray]:
    """The stubbed embeddings of documents' texts; every text is logged."""
    if _log is not None and texts:
        os.write(_log, "".join(key(text) + "\n" for text in texts).encode())
    if _pause:
        time.sleep(_pause * len(texts))
    return [vector(text) for text in texts]


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a driver: `sync` brings the index in step with the folder, `rows` writes what the index holds."""

    verb: str
    folder: pathlib.Path
    state: pathlib.Path
    out: pathlib.Path | None
    chunk: int
    overlap: int

    def relative(self, path: str | os.PathLike[str]) -> str:
        absolute = pathlib.Path(os.path.abspath(path))
        return str(absolute.relative_to(self.folder)) if absolute.is_relative_to(self.folder) else str(path)

    def finish(self, rows: list[tuple[str, str]]) -> None:
        """Writes the index's content as [document, key of the chunk's text] pairs."""
        if self.out is not None:
            self.out.write_text(json.dumps(sorted(rows)))


def call() -> Call:
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=("sync", "rows", "warm"))
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--state", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--chunk", type=int, default=1000)
    parser.add_argument("--overlap", type=int, default=0)
    arguments = parser.parse_args()
    arguments.state.mkdir(parents=True, exist_ok=True)
    if arguments.verb == "warm":  # the driver was imported, which is what warms the disk and the byte code
        raise SystemExit(0)
    return Call(
        arguments.verb,
        arguments.folder.resolve(),
        arguments.state.resolve(),
        arguments.out,
        arguments.chunk,
        arguments.overlap,
    )
