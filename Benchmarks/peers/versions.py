"""Tracking versions without embedding, beside ragversion: throughput, size, latency (scripts/bench-versions)."""

import argparse
import json
import os
import pathlib
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "campaigns"))
from documents import document, sentence  # noqa: E402

FILES_A_FOLDER = 1000
CALLS = 7  # of each latency, of which the median counts
HISTORY = ("version", "version_content", "change", "change_document", "run", "sqlite_autoindex_run_1", "collected")
# What searching the past needs: rows that go when retention lets a version go.
PAST = ("edition", "edition_history", "edition_rendition", "rendition", "sqlite_autoindex_rendition_1", "chunk",
        "chunk_passage_closed", "chunk_closed", "passage", "sqlite_autoindex_passage_1", "live_fts_data", "live_fts_idx",
        "live_fts_docsize")


def measured(command: list[str], folder: pathlib.Path) -> dict:
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        subprocess.run(
            [sys.executable, str(pathlib.Path(__file__).with_name("measure.py")), report.name, "--", *command],
            cwd=folder, check=True, stdout=subprocess.DEVNULL,
        )
        answer = json.loads(pathlib.Path(report.name).read_text())
    if answer["exit"] != 0:
        raise SystemExit(f"versions: {' '.join(command)} ended with {answer['exit']}")
    return answer


def write_documents(folder: pathlib.Path, count: int) -> int:
    chance = random.Random(7)
    size = 0
    for number in range(count):
        place = folder / f"{number // FILES_A_FOLDER:03d}"
        if number % FILES_A_FOLDER == 0:
            place.mkdir(parents=True)
        content = document(chance, ".md", chance.randint(2, 5))
        (place / f"doc{number:06d}.md").write_bytes(content)
        size += len(content)
    return size


def configure(folder: pathlib.Path, content: bool) -> None:
    (folder / "freshet.yaml").write_text(
        "sources: [{ path: docs }]\nembedder: { provider: none }\n"
        f"sync: {{ store_content: {'true' if content else 'false'} }}\n"
    )


def sizes(folder: pathlib.Path) -> dict:
    """Bytes of the database, of its tables of history, and of the contents that it keeps."""
    place = folder / ".freshet" / "collection.sqlite"
    database = sqlite3.connect(place)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    tables = dict(database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
    versions = database.execute("SELECT count(*) FROM version").fetchone()[0]
    contents = database.execute("SELECT coalesce(sum(length(data)), 0) FROM content").fetchone()[0]
    database.close()
    history = sum(size for name, size in tables.items() if name in HISTORY)
    past = sum(size for name, size in tables.items() if name in PAST)
    return {"bytes": os.stat(place).st_size, "versions": versions, "contents": contents, "history": history,
            "past": past}


def track(binary: str, folder: pathlib.Path, count: int, content: bool) -> dict:
    """First and repeated sync of everything below `docs`."""
    configure(folder, content)
    shutil.rmtree(folder / ".freshet", ignore_errors=True)
    first = measured([binary, "sync", "-q"], folder)
    again = measured([binary, "sync", "-q"], folder)
    found = sizes(folder)
    name = "with contents" if content else "without contents"
    print(f"Freshet, {count} documents, {name}: first {count / first['wall']:.0f}/s ({first['cpu']:.1f} CPU s, "
          f"{first['memory'] / 1e6:.0f} MB), unchanged {count / again['wall']:.0f}/s ({again['cpu']:.2f} CPU s)")
    print(f"  database {found['bytes'] / 1e6:.1f} MB, {found['bytes'] / found['versions']:.0f} bytes a version, of which "
          f"{found['history'] / found['versions']:.0f} of history; contents compressed {found['contents'] / 1e6:.1f} MB"
          + (f", database {found['bytes'] / found['contents']:.2f} times that" if found["contents"] else ""), flush=True)
    return {"first": first, "again": again, "sizes": found}


def peer(binary: str, ragversion: str, folder: pathlib.Path, count: int) -> None:
    ours = track(binary, folder, count, content=True)
    first = measured([ragversion, "track", "docs"], folder)
    again = measured([ragversion, "track", "docs"], folder)
    size = sum(path.stat().st_size for path in folder.glob("ragversion.db*"))
    print(f"ragversion, the same: first {count / first['wall']:.0f}/s ({first['cpu']:.1f} CPU s), "
          f"unchanged {count / again['wall']:.0f}/s ({again['cpu']:.2f} CPU s), database {size / 1e6:.1f} MB")
    print(f"  Freshet is {first['wall'] / ours['first']['wall']:.1f} times as fast at first, "
          f"{again['wall'] / ours['again']['wall']:.1f} times unchanged", flush=True)


def many_versions(binary: str, folder: pathlib.Path, count: int) -> None:
    chance = random.Random(11)
    parts = [document(chance, ".txt", 1).decode().strip() for _ in range(50)]
    for content in (True, False):
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "docs").mkdir(parents=True)
        configure(folder, content)
        start = time.monotonic()
        for _ in range(count):
            parts[chance.randrange(len(parts))] = " ".join(sentence(chance) for _ in range(5))
            (folder / "docs" / "one.md").write_text("# One\n\n" + "\n\n".join(parts) + "\n")
            subprocess.run([binary, "sync", "-q"], cwd=folder, check=True)
        seconds = time.monotonic() - start
        found = sizes(folder)
        print(f"Freshet, {count} versions of one document of {len(''.join(parts)) / 1000:.0f} KB, "
              f"{'with contents' if content else 'without contents'}: {seconds / count * 1000:.0f} ms a sync; "
              f"{found['bytes'] / count:.0f} bytes a version, of which {found['history'] / count:.0f} of history"
              + (f"; {found['bytes'] / found['contents']:.2f} times the contents" if content else ""), flush=True)
        if not content:
            tell_groups(binary, folder, count, found)
            continue
        latencies(binary, folder, [["history", "one.md"], ["diff", "one.md"], ["diff", "one.md", "-f", "1"], ["list"],
                                   ["show", "one.md", "--version", str(count // 2)]])


def tell_groups(binary: str, folder: pathlib.Path, count: int, found: dict) -> None:
    """Bytes a version by what they are for, before and after everything but the current version was let go."""
    def tell(when: str, found: dict) -> None:
        rest = found["bytes"] - found["history"] - found["past"]
        print(f"  {when}: {found['bytes'] / count:.0f} bytes a version: history (version, change, run) "
              f"{found['history'] / count:.0f}, the searchable past (edition, chunk, passage, keywords, rendition) "
              f"{found['past'] / count:.0f}, the rest {rest / count:.0f}", flush=True)

    tell("as it grows", found)
    with (folder / "freshet.yaml").open("a") as configuration:
        configuration.write("history: { keep_last: 1 }\n")
    subprocess.run([binary, "gc", "-q"], cwd=folder, check=True)
    tell("what stays for ever (keep_last: 1, gc)", sizes(folder))


def latencies(binary: str, folder: pathlib.Path, calls: list[list[str]]) -> None:
    for words in calls:
        times = []
        for _ in range(CALLS):
            start = time.monotonic()
            subprocess.run([binary, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            times.append((time.monotonic() - start) * 1000)
        print(f"  freshet {' '.join(words)}: {statistics.median(times):.0f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench-versions")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--ragversion")
    parser.add_argument("--into", type=pathlib.Path, required=True)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--versions", type=int, default=1000)
    parser.add_argument("--peer", type=int, default=5000)
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    shutil.rmtree(options.into, ignore_errors=True)
    into = options.into.resolve()
    small, large = into / "small", into / "large"
    write_documents(small / "docs", options.peer)
    if options.ragversion:
        peer(binary, os.path.abspath(options.ragversion), small, options.peer)
    size = write_documents(large / "docs", options.documents)
    print(f"{options.documents} documents, {size / 1e6:.1f} MB")
    for content in (True, False):
        track(binary, large, options.documents, content)
    latencies(binary, large, [["list", "--limit", "100"], ["list", "-q"], ["history", "000/doc000007.md"]])
    many_versions(binary, into / "one", options.versions)
    shutil.rmtree(into, ignore_errors=True)


if __name__ == "__main__":
    main()
