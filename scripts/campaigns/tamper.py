"""Every column of the tables that matter is altered behind the command's back, rows are deleted, forged and cut off, and
history is rewritten with all its hashes recomputed: `verify` must notice each, and name what was altered."""

import collections
import contextlib
import hashlib
import json
import pathlib
import shutil
import sqlite3
import uuid

from campaign import Campaign
from chains import passage_key, rewrite, vector_checksum, version_bytes
from documents import Tree

# The columns that name a row, and where in a problem it may be named.
KEYS = {
    "head": ("id",),
    "document": ("id",),
    "version": ("document", "number"),
    "content": ("id",),
    "rendition": ("id",),
    "edition": ("id",),
    "passage": ("id",),
    "chunk": ("id",),
    "change": ("sequence",),
    "model": ("id",),
    "run": ("id",),
    "seal": ("name",),
    "collected": ("document", "version"),
    "annotation": ("document",),
    "anchor": ("id",),
    "vouched": ("sequence",),
    "field": ("name", "value", "document"),
}

# What `verify` does not vouch for by design, and why. Those with `head` are noticed by `--head`.
UNVOUCHED = {
    ("head", "collection"): "head",
    ("head", "epoch"): "head",
    ("head", "history_floor"): "a setting of retention: it says which states may be asked for, and alters none",
    ("head", "last_passage"): "the least number for new passages; greater than needed harms nothing, smaller is noticed",
    ("document", "pipeline"): "which pipeline last judged the document: the next sync judges anew where it differs; the "
    "edition's own pipeline is vouched for",
    ("document", "item_path", 0): "the file that a deleted document stood in: nothing reads it, a return writes it anew",
    ("chunk", "from_sequence", "pruned"): "where in a version below the log's beginning a chunk begins: no state there can "
    "be asked for, and that it lies within the version is checked",
    ("chunk", "to_sequence", "pruned"): "likewise where it ends",
    ("content", "id"): "a row number that nothing refers to",
    ("edition", "id"): "a row number; only a document's newest edition is referred to by it, and that is noticed",
    ("run", "id"): "a row number that nothing refers to",
    ("consumer", "(any)"): "who follows the log and how far: positions that the log does not have are never followed",
}


class Tamper(Campaign):
    name = "tamper"
    summary = "every column altered, rows deleted and forged, the log cut and rewritten: verify notices and names it"

    def cases(self):
        yield "collection", self.prepare
        for table in KEYS:
            yield f"columns of {table}", lambda chance, table=table: self.alter(table, chance)
        yield "columns of vectors", lambda chance: self.alter(self.vectors, chance)
        yield "keyword index", self.keywords
        yield "consumers", self.consumers
        yield "rows deleted", self.delete
        yield "rows forged", self.forge
        yield "schema", self.schema
        yield "heads", self.heads
        yield "pruned by a stranger", self.stranger

    # The collection

    def prepare(self, chance) -> None:
        count, rounds = (60, 2) if self.options.quick else (300, 4)
        self.workspace_ = workspace = self.workspace("tamper")
        tree = Tree(workspace.docs, chance, paragraphs=(2, 5))
        if self.options.corpus:
            files = sorted(path for path in self.options.corpus.rglob("*") if path.suffix in (".md", ".html", ".txt"))
            for number, path in enumerate(chance.sample(files, min(len(files), count // 2))):
                target = workspace.docs / "real" / f"{number:03d}{path.suffix}"
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(path.read_bytes()[:100_000])
        tree.create(count // 2 if self.options.corpus else count)
        members = [{"id": f"entry-{number}", "text": f"Entry {number} of the container."} for number in range(20)]
        container = workspace.docs / "entries.jsonl"
        container.write_text("".join(json.dumps(member) + "\n" for member in members))
        bare = Tree(workspace.folder / "bare", chance, paragraphs=(2, 5))
        bare.create(12)
        sources = "  - { name: docs, path: docs%s }\n  - { name: bare, path: bare, store_content: false }\n"
        workspace.configure(sources % "")
        self.check_ends(workspace.sync(), (0,), "first sync")
        self.backups = []
        for number in range(rounds):
            self._backup(workspace, number)
            tree.begin_step()
            tree.edit(count // 10)
            tree.rewrite(2)
            tree.rename(count // 20)
            tree.delete(count // 20)
            if number:
                tree.bring_back(3)
            members[number]["text"] += " Edited."
            container.write_text("".join(json.dumps(member) + "\n" for member in members[: 20 - number]))
            bare.begin_step()
            bare.edit(4)
            bare.delete(1)
            self.check_ends(workspace.sync("--allow-mass-delete"), (0,), f"round {number}")
            if number == 0:
                outcome = workspace.call("verify", "--offline", "--write-head", "early-head")
                self.check_ends(outcome, (0,), "a head from before the log is pruned")
                pruned = workspace.status()["sequence"] + 1
        workspace.configure(sources % ", metadata: { team: ops }")
        self.check_ends(workspace.sync(), (0,), "metadata")
        self.check_ends(workspace.sync(FRESHET_EMBEDDER_DIMENSION="32"), (0,), "another model")
        workspace.environment["FRESHET_EMBEDDER_DIMENSION"] = "32"
        named = sorted(path for path in workspace.docs.rglob("*") if path.suffix in (".md", ".txt"))[:6]
        self.check_ends(workspace.call("track", *map(str, named), "-m", "level=3", "-m", "team=sales"), (0,), "annotated")
        self.check_ends(workspace.call("events", "--consumer", "mirror"), (0,), "a consumer begins")
        kept = "1" if self.options.quick else "2"
        # Up to the first round: later ones made versions that are in the log.
        changes = workspace.status()["sequence"] - pruned
        self.check_ends(
            workspace.call("gc", FRESHET_HISTORY_KEEP_LAST=kept, FRESHET_HISTORY_KEEP_LOG=str(changes)), (0,),
            "old versions are collected, and the log is pruned",
        )
        self.check_verifies(workspace, "before any alteration")
        self.whole = self._database(workspace, "whole.sqlite")
        with contextlib.closing(sqlite3.connect(self.whole)) as database:
            self.columns = {
                table: database.execute(f"PRAGMA table_info({table})").fetchall()
                for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
                if not table.startswith("live_fts")
            }
            self.vectors = max(table for table in self.columns if table.startswith("vector_"))
            self.changes = database.execute("SELECT count(*) FROM change").fetchone()[0]
            self.anchor = database.execute("SELECT sequence FROM anchor").fetchone()[0]
            vouched = database.execute("SELECT count(*) FROM vouched").fetchone()[0]
            self.check(self.anchor > 10 and vouched > 10, f"pruned up to {self.anchor}, {vouched} rows vouched for")
            self.chunks = database.execute("SELECT count(*) FROM chunk").fetchone()[0]
            marks = database.execute("SELECT count(*) FROM collected").fetchone()[0]
            self.check(marks > 2, f"only {marks} versions were collected")
            withdrawn = database.execute("SELECT count(*) FROM rendition WHERE is_withdrawn = 1").fetchone()[0]
            self.check(withdrawn > 0, "no text of a superseded version was withdrawn")
        outcome = workspace.call("verify", "--offline", "--write-head", "head")
        self.check_ends(outcome, (0,), "a head is recorded")
        self.head = str(workspace.folder / "head")
        self.counts = collections.defaultdict(collections.Counter)
        self.missed: list[str] = []
        self.say(
            f"{self.changes} changes after the {self.anchor} that were pruned, {vouched} of which are vouched for; "
            f"{self.chunks} chunks, {marks} collected versions"
        )

    def _backup(self, workspace, number: int) -> None:
        self.backups.append(self._database(workspace, f"backup-{number}.sqlite"))

    def _database(self, workspace, name: str) -> pathlib.Path:
        target = self.folder / name
        with contextlib.closing(sqlite3.connect(workspace.collection / self._file(workspace))) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(workspace.collection / self._file(workspace), target)
        return target

    def _file(self, workspace) -> str:
        return next(path.name for path in workspace.collection.iterdir() if path.suffix in (".sqlite", ".db"))

    # One alteration

    def tampered(self, statements, head: bool = False, base: pathlib.Path | None = None) -> dict | None:
        """What `verify` says after the statements; `None` when the database refused them or nothing was altered."""
        workspace = self.workspace_
        place = workspace.collection / self._file(workspace)
        for suffix in ("-wal", "-shm"):
            pathlib.Path(str(place) + suffix).unlink(missing_ok=True)
        shutil.copyfile(base or self.whole, place)
        database = sqlite3.connect(place, isolation_level=None)
        try:
            database.execute("PRAGMA foreign_keys = OFF")
            if callable(statements):
                statements(database)
            else:
                for statement, values in statements:
                    if database.execute(statement, values).rowcount == 0:
                        return None
        except (sqlite3.IntegrityError, OverflowError):
            return None
        finally:
            database.close()
        return self.verified(head)

    def verified(self, head: bool = False, *documents: str) -> dict:
        options = ("--head", self.head) if head else ()
        more = () if documents else ("--offline",)
        outcome = self.workspace_.call("verify", "--json", *more, *options, *documents)
        self.check(not outcome.crashed, f"verify crashed: {outcome}")
        answer = outcome.value()
        if not answer:
            # What ends the call is told on stderr: a head or schema that cannot be read.
            answer = {"ok": False, "problems": [{"code": "error", "message": outcome.errors}]}
        return answer

    def judge(self, table: str, column: str, kind: str, answer: dict | None, names: set[str], live=None) -> None:
        if answer is None:
            self.counts[table, column]["refused"] += 1
            return
        problems = answer.get("problems", [])
        label = f"{table}.{column} {kind}"
        if problems:
            told = json.dumps(problems, ensure_ascii=False)
            named = any(name in told for name in names) or not names
            self.counts[table, column]["noticed"] += 1
            self.check(named, f"{label}: noticed, but none of {sorted(names)[:6]} is named: {told[:300]}")
        elif (table, column) in UNVOUCHED or (table, column, live) in UNVOUCHED:
            self.counts[table, column]["unvouched"] += 1
        else:
            self.counts[table, column]["missed"] += 1
            self.missed.append(label)
            self.check(False, f"{label}: not noticed")

    # Columns

    def alter(self, table: str, chance) -> None:
        with contextlib.closing(sqlite3.connect(self.whole)) as database:
            database.row_factory = sqlite3.Row
            keys = KEYS.get(table, ("passage",))
            rows = database.execute(f"SELECT * FROM {table}").fetchall()
            chosen = chance.sample(rows, min(len(rows), 1 if self.options.quick else 3))
            if table == "rendition":
                chosen += [row for row in rows if row["is_withdrawn"]][:1]
            for _, column, _, required, _, key in self.columns[table]:
                for row in chosen:
                    others = [other[column] for other in rows if other[column] != row[column]]
                    for kind, value in self._alterations(row[column], others, bool(required or key), chance):
                        condition = " AND ".join(f"{name} IS ?" for name in keys)
                        values = (value, *(row[name] for name in keys))
                        statement = f"UPDATE {table} SET {column} = ? WHERE {condition}"
                        answer = self.tampered([(statement, values)])
                        live = row["is_live"] if table == "document" else None
                        if table == "chunk" and row["from_sequence"] <= self.anchor:
                            live = "pruned"
                        self.judge(table, column, kind, answer, self._names(database, table, row), live)
                        if answer is not None and not answer.get("problems") and UNVOUCHED.get((table, column)) == "head":
                            found = self.verified(head=True).get("problems")
                            self.check(found, f"{table}.{column} {kind}: not noticed with --head")

    def _alterations(self, value, others: list, required: bool, chance):
        """Bits flipped, another row's value, nothing, one more and one less, longer and shorter, another type."""
        if isinstance(value, int):
            yield "bit", value ^ (1 << chance.randrange(12))
            yield "plus one", value + 1
            yield "minus one", value - 1
            yield "another type", b"\x01"
        elif isinstance(value, bytes):
            if value:
                place = chance.randrange(len(value))
                flipped = bytes([value[place] ^ (1 << chance.randrange(8))])
                yield "bit", value[:place] + flipped + value[place + 1 :]
                yield "shorter", value[:-1]
            yield "longer", value + b"\0"
            yield "another type", "text"
        elif isinstance(value, str):
            if value:
                place = chance.randrange(len(value))
                yield "letter", value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
                yield "shorter", value[:-1]
            yield "longer", value + " "
            yield "another type", value.encode()
        else:
            yield "no longer nothing", 1
            yield "a text", "x"
        if others:
            yield "another row's", chance.choice(others)
        if not required and value is not None:
            yield "nothing", None

    def _names(self, database, table: str, row) -> set[str]:
        """Words of which one must stand in the problem: the document, change, passage or content that was altered."""
        names: set[str] = set()

        def document(number) -> None:
            found = database.execute("SELECT uuid, origin FROM document WHERE id = ?", (number,)).fetchone()
            if found:
                names.update((str(uuid.UUID(bytes=found["uuid"])), f"'{found['origin']}'"))

        def documents(query: str, value) -> None:
            for (number,) in database.execute(query, (value,)).fetchall():
                document(number)

        match table:
            case "document":
                document(row["id"])
            case "version" | "edition" | "chunk" | "field":
                document(row["document"])
            case "change":
                document(row["document"])
                names.update((f"change {row['sequence']}", f"Change {row['sequence']}"))
            case "content":
                names.add(row["hash"].hex())
                documents("SELECT document FROM version WHERE content_hash = ?", row["hash"])
            case "rendition":
                names.add(f"endition {row['id']}")
                documents("SELECT document FROM edition WHERE rendition = ?", row["id"])
            case "passage":
                names.add(f"assage {row['id']}")
                documents("SELECT document FROM chunk WHERE passage = ?", row["id"])
            case "model":
                names.update((f"model {row['id']}", row["name"]))
            case "run":
                names.update((str(uuid.UUID(bytes=row["uuid"])), f"Row {row['id']} ", "table run"))
                documents("SELECT DISTINCT document FROM version WHERE run = ?", row["uuid"])
            case "seal":
                names.add(row["name"])
            case "collected" | "vouched":
                document(row["document"])
                names.add(f"table {table}")
            case "annotation":
                names.add("table annotation")
            case "anchor":
                names.update(("anchor", "change", "Change"))
            case "head":
                names.update(("head", "floor", "Passage"))
            case _:
                names.add(f"assage {row['passage']}")
                documents("SELECT document FROM chunk WHERE passage = ?", row["passage"])
                names.add(f"Row {row['passage']} of table {table}")
        if table in KEYS and table not in ("version", "field", "collected"):
            names.add(f"Row {row[KEYS[table][0]]} of table {table}")
        return names

    # The keyword index

    def keywords(self, chance) -> None:
        """What a search uses of FTS5's own tables; `reindex` builds the index anew each time."""
        last = "(segid, term) IN (SELECT segid, term FROM live_fts_idx ORDER BY pgno DESC, segid LIMIT 1)"
        statements = [
            "DELETE FROM live_fts_idx",
            "DELETE FROM live_fts_idx WHERE segid = (SELECT segid FROM live_fts_idx GROUP BY segid ORDER BY count(*) DESC)",
            f"DELETE FROM live_fts_idx WHERE {last}",
            f"UPDATE live_fts_idx SET term = CAST('0zzzz' AS BLOB) WHERE {last}",
            "UPDATE live_fts_data SET block = x'7f7f7f' WHERE id = 1",
            "DELETE FROM live_fts_data WHERE id = 1",
            "DELETE FROM live_fts_data WHERE id = 10",
            "UPDATE live_fts_data SET block = zeroblob(length(block)) WHERE id = 10",
            "DELETE FROM live_fts_data WHERE id = (SELECT max(id) FROM live_fts_data)",
            "DELETE FROM live_fts_docsize WHERE id = (SELECT min(id) FROM live_fts_docsize)",
            "UPDATE live_fts_docsize SET sz = x'0101' WHERE id = (SELECT max(id) FROM live_fts_docsize)",
            "UPDATE live_fts_config SET v = 3 WHERE k = 'version'",
            "DELETE FROM live_fts_config WHERE k = 'rank'",
        ]
        with contextlib.closing(sqlite3.connect(self.whole)) as database:
            pages = database.execute("SELECT count(*) FROM live_fts_idx").fetchone()[0]
        self.check(pages > 4, f"the keyword index has only {pages} pages")
        for statement in statements:
            answer = self.tampered([(statement, ())])
            self.check(answer is not None, f"nothing was altered: {statement}")
            self.judge("live_fts", statement.split(" WHERE ")[0], "", answer, {"keyword index"})
            outcome = self.workspace_.call("reindex")
            self.check(outcome.code == 0 and "built anew" in outcome.output, f"reindex after {statement}: {outcome}")
            problems = self.verified().get("problems")
            self.check(not problems, f"after {statement} and reindex: {str(problems)[:300]}")

    def consumers(self, chance) -> None:
        """Nothing vouches for who follows the log; a position that the log does not have is never followed."""
        for statement in (
            "UPDATE consumer SET sequence = 0, chain = zeroblob(32)", "DELETE FROM consumer",
            "UPDATE consumer SET failures = 9", "UPDATE consumer SET kind = 'mail'",
        ):
            self.judge("consumer", "(any)", statement, self.tampered([(statement, ())]), set())
        self.tampered([("UPDATE consumer SET chain = zeroblob(32)", ())])
        outcome = self.workspace_.call("events", "--consumer", "mirror")
        self.check(outcome.code == 1 and "cannot go on" in outcome.errors, f"a false position is followed: {outcome}")

    # Rows

    def delete(self, chance) -> None:
        for table in (*KEYS, self.vectors, *(name for name in self.columns if name.startswith("vector_"))):
            keys = KEYS.get(table, ("passage",))
            with contextlib.closing(sqlite3.connect(self.whole)) as database:
                database.row_factory = sqlite3.Row
                rows = database.execute(f"SELECT * FROM {table}").fetchall()
                for row in chance.sample(rows, min(len(rows), 2 if self.options.quick else 5)):
                    condition = " AND ".join(f"{name} IS ?" for name in keys)
                    statement = (f"DELETE FROM {table} WHERE {condition}", tuple(row[name] for name in keys))
                    names = self._names(database, table, row) if table in ("version", "edition", "chunk", "change") else set()
                    self.judge(table, "(a row deleted)", "", self.tampered([statement]), names)
            if rows:
                self.judge(table, "(all rows deleted)", "", self.tampered([(f"DELETE FROM {table}", ())]), set())

    def forge(self, chance) -> None:
        """A copy of a row under a new key, with what has to be unique made so."""
        for table in (*KEYS, self.vectors):
            if table in ("head", "field", "seal", "annotation", "anchor"):
                continue
            names = [column[1] for column in self.columns[table]]
            with contextlib.closing(sqlite3.connect(self.whole)) as database:
                database.row_factory = sqlite3.Row
                rows = database.execute(f"SELECT * FROM {table}").fetchall()
                for row in chance.sample(rows, min(len(rows), 1 if self.options.quick else 3)):
                    values = dict(row)
                    key = KEYS.get(table, ("passage",))[-1]
                    values[key] = database.execute(f"SELECT max({key}) + 1 FROM {table}").fetchone()[0]
                    if table == "version":
                        values[key] = database.execute(
                            "SELECT max(number) + 1 FROM version WHERE document = ?", (row["document"],)
                        ).fetchone()[0]
                    for column in ("uuid", "hash", "key"):
                        if column in values and table != "chunk":
                            values[column] = chance.randbytes(len(values[column]))
                    for column in ("origin", "parser", "fingerprint"):
                        if column in values and table in ("document", "rendition", "model"):
                            values[column] += " forged"
                    if table == "passage":
                        # A text of one's own, with the key that it has.
                        values["body"] += " forged"
                        values["key"] = passage_key(values["heading"], values["body"])
                    if table == "content":
                        values["codec"], values["data"] = 0, b"forged"
                        values["hash"] = hashlib.sha256(b"forged").digest()
                    if table == "edition" and values["to_sequence"] is None:
                        values["to_sequence"] = values["from_sequence"]
                    if table == self.vectors:
                        values["checksum"] = vector_checksum(values["passage"], values["value"])
                    marks = ", ".join("?" for _ in names)
                    statement = (f"INSERT INTO {table} VALUES({marks})", tuple(values[name] for name in names))
                    self.judge(table, "(a row forged)", "", self.tampered([statement]), set())

    def schema(self, chance) -> None:
        for statement in (
            "DROP INDEX version_content",
            "CREATE TRIGGER hidden AFTER INSERT ON version BEGIN DELETE FROM version WHERE number = 1; END",
            "CREATE TABLE more(id)",
            "ALTER TABLE failure RENAME TO failures",
            "CREATE INDEX more ON change(run)",
        ):
            answer = self.tampered(lambda database, statement=statement: database.execute(statement))
            self.judge("schema", statement.split(" ON ")[0], "", answer, set())

    # Heads

    def heads(self, chance) -> None:
        self._expect_head("unaltered", None, self.tampered(lambda database: None, head=True))
        # An older backup, whole in itself: nothing but a recorded head tells.
        for backup in self.backups:
            self.check(not self.tampered(lambda database: None, base=backup).get("problems"), "a backup verifies")
            self._expect_head("an older backup", "head_restored", self.tampered(lambda d: None, head=True, base=backup))
        # The end cut off with everything consistent, while the runs that made it are on record.
        self._expect_head(
            "a cut tail", "head_truncated", self.tampered(self._keep_runs, head=True, base=self.backups[-1])
        )
        # The same backup, and another history after it.
        self.tampered(lambda database: None, base=self.backups[-1])
        tree = Tree(self.workspace_.docs / "later", chance)
        tree.create(3)
        self.check_ends(self.workspace_.sync("--allow-mass-delete"), (0,), "the history goes on from a backup")
        self._expect_head("a backup with another history after it", "head_restored", self.verified(head=True))
        self.workspace_.call("sync")
        # One old version's owner, and every hash after it recomputed.
        for sequence in chance.sample(range(self.anchor + 1, self.anchor + self.changes), 2 if self.options.quick else 6):
            plain = self.tampered(lambda database, sequence=sequence: rewrite(database, sequence))
            self.check(not plain.get("problems"), f"a consistent history is expected to verify: {str(plain)[:300]}")
            answer = self.verified(head=True)
            self._expect_head(f"history rewritten from change {sequence}", "head_rewritten", answer)
            short = self._short_head()
            outcome = self.workspace_.call("verify", "--json", "--offline", "--head", short)
            self.check(outcome.code == 1 and "head_rewritten" in outcome.output, f"{short}: {outcome}")
        # A head from before the log's beginning says nothing any more, and is told so.
        self.tampered(lambda database: None)
        early = self.workspace_.call("verify", "--json", "--offline", "--head", str(self.workspace_.folder / "early-head"))
        self._expect_head("a head from before the anchor", "head_pruned", early.value())
        other = self.workspace("other")
        (other.docs / "a.md").write_text("# Other\n\nAnother collection.\n")
        other.sync()
        outcome = other.call("verify", "--json", "--head", self.head)
        self._expect_head("another collection", "head_other_collection", outcome.value())
        self.check(outcome.code == 1, f"another collection: {outcome}")
        self.tampered(lambda database: None)

    # The log's beginning

    def stranger(self, chance) -> None:
        """Rows pruned and the anchor moved by somebody who does not know all that has to follow."""
        head = self.anchor + self.changes
        for number in range(2 if self.options.quick else 6):
            further = chance.randrange(self.anchor + 1, head)
            back = chance.randrange(1, self.anchor)

            def prune(database, last=further, moves=True):
                if moves:
                    database.execute(
                        "UPDATE anchor SET (sequence, chain, at) = "
                        "(SELECT sequence, chain, at FROM change WHERE sequence = ?)", (last,)
                    )
                database.execute("DELETE FROM change WHERE sequence <= ?", (last,))
                database.execute("UPDATE head SET history_floor = max(history_floor, ?)", (last,))

            self.judge("anchor", "(rows pruned)", "", self.tampered(prune), set())
            self.judge("anchor", "(rows pruned, anchor left)", "", self.tampered(lambda d: prune(d, moves=False)), set())
            self.judge("anchor", "(moved back)", "",
                       self.tampered([("UPDATE anchor SET sequence = ?", (back,))]), set())
            self.judge("anchor", "(moved on)", "",
                       self.tampered([("UPDATE anchor SET sequence = ?", (further,))]), set())

            # A version from before the anchor with its chain recomputed to the document's end, and seals as they were.
            def rewrite_version(database):
                database.row_factory = sqlite3.Row
                rows = database.execute("SELECT * FROM version WHERE sequence <= ?", (self.anchor,)).fetchall()
                chosen = chance.choice(rows)
                where = (chosen["document"], chosen["number"])
                database.execute("UPDATE version SET owner = 'nobody' WHERE document = ? AND number = ?", where)
                chain = bytes(32)
                of = "SELECT * FROM version WHERE document = ? ORDER BY number"
                for row in database.execute(of, where[:1]).fetchall():
                    chain = hashlib.sha256(chain + version_bytes(row)).digest()
                    database.execute("UPDATE version SET chain = ? WHERE document = ? AND number = ?",
                                     (chain, row["document"], row["number"]))

            self.judge("vouched", "(a version rewritten)", "", self.tampered(rewrite_version), set())

    def _short_head(self) -> str:
        lines = dict(line.split(" ", 1) for line in pathlib.Path(self.head).read_text().splitlines()[1:])
        return f"{lines['sequence']}:{lines['chain']}"

    def _expect_head(self, what: str, code: str | None, answer: dict) -> None:
        found = [problem.get("code") for problem in answer.get("problems", [])]
        self.check(found[:1] == ([code] if code else []), f"{what}: {code} expected: {str(answer)[:400]}")
        if code:
            self.counts["(head)", what.split(" from change")[0]]["noticed" if found[:1] == [code] else "missed"] += 1

    def _keep_runs(self, database) -> None:
        database.execute("ATTACH ? AS whole", (str(self.whole),))
        database.execute("DELETE FROM run")
        database.execute("INSERT INTO run SELECT * FROM whole.run")
        database.execute(
            "UPDATE seal SET (size, sum) = (SELECT size, sum FROM whole.seal WHERE name = 'run') WHERE name = 'run'"
        )

    # The result

    def report(self) -> None:
        if not hasattr(self, "counts"):
            return
        totals = collections.Counter()
        for counts in self.counts.values():
            totals.update(counts)
        for (table, column), counts in sorted(self.counts.items()):
            if counts["missed"] or counts["unvouched"]:
                why = UNVOUCHED.get((table, column)) or UNVOUCHED.get((table, column, 0), "")
                self.say(f"{table}.{column}: {dict(counts)} {why}")
        judged = totals["noticed"] + totals["missed"]
        self.say(
            f"{len(self.counts)} columns and kinds; {judged} alterations of what is vouched for, {totals['noticed']} "
            f"noticed, {totals['missed']} missed; {totals['unvouched']} of what is not; {totals['refused']} refused by the "
            f"schema"
        )
