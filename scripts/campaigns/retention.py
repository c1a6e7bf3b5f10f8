"""A long history under each rule of retention, with `gc` killed at random moments: what is kept is whole, the rest goes."""

import datetime
import hashlib
import pathlib
import signal
import sqlite3
import time

import preload
from campaign import Campaign
from documents import paragraph

DAY = 86_400
SPAN_DAYS = 400  # of the history
WASTE_MOST = 1.35  # the file after against one that was written anew
KILLS_MOST_TRIES = 6  # for each kill that is wanted, since a run may end before

# The keys of `history`, as variables: name, value.
RULES = {
    "last": {"KEEP_LAST": "5"},
    "one": {"KEEP_LAST": "1"},
    "daily": {"KEEP_DAILY": "30"},
    "weekly": {"KEEP_WEEKLY": "26"},
    "monthly": {"KEEP_MONTHLY": "12"},
    "time": {"KEEP_FOR": "90d"},
    "deleted": {"KEEP_LAST": "3", "KEEP_DELETED": "60d"},
    "log": {"KEEP_LAST": "3", "KEEP_LOG": "60"},
    "all together": {"KEEP_LAST": "3", "KEEP_DAILY": "7", "KEEP_WEEKLY": "4", "KEEP_MONTHLY": "6", "KEEP_FOR": "10d",
                     "KEEP_DELETED": "30d"},
}
LOG_POINTS = ("gc-in-prune", "gc-pruned")
POINTS = ("gc-in-mark", "gc-marked", "gc-in-step", "gc-step-done", "gc-space-step")


class Retention(Campaign):
    name = "retention"
    summary = "gc killed over a long history under each rule: what is kept is byte-exact, the space comes back"

    def __init__(self, options):
        super().__init__(options)
        self.prepared = None
        self.versions = {}  # origin: [(nanoseconds, content or None)]
        self.kills = 0
        self.points_hit = set()
        self.figures = []

    def cases(self):
        quick = self.options.quick
        names = ("last", "log", "all together") if quick else tuple(RULES)
        yield "history", self.prepare
        for name in names:
            yield name, lambda chance, name=name: self.rule(chance, name, 2 if quick else 7)
        yield "points", self.points
        yield "interrupted", self.interrupted
        yield "pruned", lambda chance: self.pruned(chance, 4 if quick else 25)

    def report(self) -> None:
        self.say(f"{self.kills} kills; named points hit: {', '.join(sorted(self.points_hit))}")
        for line in self.figures:
            self.say(line)

    # The history

    def prepare(self, chance) -> None:
        """Many versions of many documents over months: edits, returns to older contents, deletions, restores."""
        quick = self.options.quick
        documents, rounds = (8, 14) if quick else (105, 105)
        library = preload.library("clock", self.folder)
        workspace = self.workspace("history")
        workspace.environment |= {"FRESHET_HISTORY_COMPRESSION": "none", "FRESHET_SYNC_MAX_DELETE_RATIO": "1"}
        names = [f"d{number:03d}.txt" for number in range(documents)]
        written = {name: [] for name in names}
        shared = [f"{paragraph(chance)}\n\n{paragraph(chance)}\n".encode() for _ in range(5)]
        # Closer and closer to now, some on one day.
        moments = sorted(-SPAN_DAYS * DAY * (1 - chance.random() ** 0.6) - 600 for _ in range(rounds))
        start = time.monotonic()
        for moment in moments:
            for name in names:
                file, past = workspace.docs / name, written[name]
                if past and past[-1] is not None and chance.random() < 0.03:
                    file.unlink()
                    past.append(None)
                    continue
                if past and past[-1] is None and chance.random() < 0.5:
                    continue
                # What comes back comes with a new text, or it would be a rename of what vanished at the same time.
                content = self._content(chance, past if not past or past[-1] is not None else [], shared)
                if not past or past[-1] != content:
                    file.write_bytes(content)
                    past.append(content)
            outcome = workspace.sync("--allow-mass-delete", seconds=600, LD_PRELOAD=str(library),
                                     FRESHET_CLOCK_SECONDS=str(int(moment)))
            self.check_ends(outcome, (0,), "a sync of the history")
        self.prepared = workspace
        self._read_history(workspace, written)
        count = sum(len(past) for past in self.versions.values())
        self.check(quick or count >= 9_500, f"the history has {count} versions")
        self.check_verifies(workspace, "the history")
        self.say(f"history: {count:,} versions of {documents} documents in {rounds} syncs, {time.monotonic() - start:.0f} s")

    @staticmethod
    def _content(chance, past, shared) -> bytes:
        kind = chance.random() if past else 1
        older = [content for content in past if content is not None]
        if kind < 0.04:
            return chance.choice(shared)
        if kind < 0.1 and older:
            return chance.choice(older)
        if kind < 0.8 and older:
            pieces = older[-1].decode().strip().split("\n\n")
            pieces[chance.randrange(len(pieces))] = paragraph(chance)
            return ("\n\n".join(pieces) + "\n").encode()
        return ("\n\n".join(paragraph(chance) for _ in range(chance.randint(2, 5))) + "\n").encode()

    def _read_history(self, workspace, written) -> None:
        """The times are the collection's; that its versions are those written is checked here."""
        rows = self._rows(workspace, "SELECT d.origin, v.number, v.at, v.kind, v.content_hash FROM version v "
                                     "JOIN document d ON d.id = v.document ORDER BY d.id, v.number")
        for origin, _, at, kind, digest in rows:
            past = self.versions.setdefault(origin, [])
            content = None if kind == "deleted" else written[origin][len(past)]
            past.append((at, content))
            self.check(content is None or hashlib.sha256(content).digest() == digest, f"{origin}: another content")
        for origin, past in written.items():
            self.check(len(self.versions.get(origin, [])) == len(past), f"{origin}: another number of versions")

    # One rule

    def rule(self, chance, name: str, kills: int) -> None:
        if self.prepared is None:
            self.prepare(chance)
        kept = self._kept(RULES[name])
        whole = self._copy(name)
        before = self._size(whole)
        dry = whole.call("gc", "--dry-run", "--json", **self._rules(name)).value()
        run = whole.call("gc", "--json", seconds=600, **self._rules(name))
        self.check_ends(run, (0,), "an undisturbed run")
        counted = ("versions", "editions", "chunks", "passages", "vectors", "renditions", "texts", "contents",
                   "bytes", "history_floor", "changes", "runs", "log_anchor")
        answer = run.value()
        self.check(all(dry.get(key) == answer.get(key) for key in counted), f"the dry run said {dry}, the run {answer}")
        self._check_done(whole, kept, name)
        self._check_log(whole, RULES[name], name)
        after = self._size(whole)
        whole.call("gc", "--rewrite", "--json", seconds=600, **self._rules(name))
        ideal = self._size(whole)
        self.check(after <= before, f"the file grew from {before} to {after}")
        self.check(after <= ideal * WASTE_MOST + (1 << 20), f"{after} bytes after, {ideal} when written anew")
        self.check_verifies(whole, f"{name}: written anew")
        whole.remove()
        self.figures.append(
            f"{name}: {answer.get('versions'):,} of {sum(map(len, self.versions.values())):,} versions collected in "
            f"{run.seconds:.1f} s, peak {run.peak_bytes >> 20} MiB; file {before / 1e6:.1f} MB before, "
            f"{after / 1e6:.1f} after, {ideal / 1e6:.1f} written anew"
        )
        done, tries, workspace = 0, 0, self._copy(name)
        while done < kills and tries < kills * KILLS_MOST_TRIES:
            tries += 1
            running = workspace.start("gc", "--json", **self._rules(name))
            deadline = time.monotonic() + chance.uniform(0.2, 1.0) ** 2 * run.seconds
            while time.monotonic() < deadline and not running.has_ended():
                time.sleep(0.0005)
            running.kill()
            outcome = running.wait()
            if outcome.code != -9:
                self.check_ends(outcome, (0,), "a run that was not killed in time")
                workspace.remove()
                workspace = self._copy(name)
                continue
            done += 1
            self.kills += 1
            self._check_whole(workspace, kept, f"{name}, kill {done}")
        self.check(done == kills, f"{name}: only {done} of {kills} runs could be killed")
        self._finish(workspace, kept, name, after)
        workspace.remove()

    def points(self, chance) -> None:
        """Killed at each named point, more than once."""
        if self.prepared is None:
            self.prepare(chance)
        for point in POINTS:
            name = "one" if not self.options.quick else "last"
            kept = self._kept(RULES[name])
            workspace = self._copy(name)
            for count in (1, 2):
                outcome = workspace.call("gc", "--json", FRESHET_CRASH_POINT=f"{point}:{count}", **self._rules(name))
                if outcome.code == -9:
                    self.points_hit.add(point)
                    self.kills += 1
                self._check_whole(workspace, kept, f"{point}:{count}")
            self._finish(workspace, kept, f"after {point}")
            workspace.remove()
        for point in POINTS:
            self.check(point in self.points_hit or self.options.quick, f"nothing ever died at {point}")

    def interrupted(self, chance) -> None:
        """Ctrl-C ends a run after the step under way, with 130; so does a time limit, with 0."""
        if self.prepared is None:
            self.prepare(chance)
        name = "last" if self.options.quick else "one"
        kept, codes = self._kept(RULES[name]), []
        workspace = self._copy(name)
        for attempt in range(4):
            running = workspace.start("gc", "--json", **self._rules(name))
            time.sleep(chance.uniform(0.02, 0.1))
            running.kill(signal.SIGINT)
            outcome = running.wait()
            codes.append(outcome.code)
            # Before the command listens, the signal ends it as any other.
            self.check(outcome.code in (0, 130, -signal.SIGINT), f"interrupted: {outcome}")
            self._check_whole(workspace, kept, f"interrupted, attempt {attempt + 1}")
        workspace.remove()
        workspace = self._copy(name)
        limited = workspace.call("gc", "--json", "--time-limit", "1ms", **self._rules(name))
        self.check_ends(limited, (0,), "a run with hardly any time")
        self.check(limited.value().get("complete") is False, f"a millisecond was enough: {limited.value()}")
        self._check_whole(workspace, kept, "a run with hardly any time")
        self._finish(workspace, kept, "after an interruption")
        workspace.remove()
        self.say(f"interrupted: exit codes {codes}")

    def pruned(self, chance, kills: int) -> None:
        """A consumer that falls below the log's beginning, while `gc` is killed: it is told, and a listing brings it to
        the right state; one that is not too far behind is waited for."""
        workspace = self.workspace("pruned")
        workspace.environment["FRESHET_SYNC_MAX_DELETE_RATIO"] = "1"
        keep = 40
        rules = {"FRESHET_HISTORY_KEEP_LOG": str(keep), "FRESHET_HISTORY_KEEP_LAST": "2"}
        names = [f"p{number:02d}.txt" for number in range(12)]

        def change(count: int) -> None:
            for name in chance.sample(names, count):
                file = workspace.docs / name
                if file.exists() and chance.random() < 0.15:
                    file.unlink()
                else:
                    file.write_text(f"{paragraph(chance)}\n\n{paragraph(chance)}\n")
            self.check_ends(workspace.sync("--allow-mass-delete"), (0,), "a sync")

        def read(consumer: str, state: dict[str, str]) -> bool:
            """Follows the events into a state of one's own; whether the log could be followed."""
            outcome = workspace.call("events", "--consumer", consumer, "--json")
            lapsed = outcome.code == 1 and "consumer_lapsed" in outcome.errors + outcome.output
            self.check(outcome.code == 0 or lapsed, f"{consumer}: {outcome}")
            named: set[str] | None = None
            for event in outcome.lines():
                origin = event.get("origin")
                match event.get("change"):
                    case "resync_started":
                        named = set()
                    case "resync_finished":
                        for gone in set(state) - (named or set()):
                            del state[gone]
                        named = None
                    case "deleted":
                        state.pop(origin, None)
                    case None:
                        pass
                    case kind:
                        if kind == "renamed":
                            state.pop(event.get("from"), None)
                        state[origin] = event["hash"]
                        if named is not None:
                            named.add(origin)
            return not lapsed

        def present() -> dict[str, str]:
            return dict(self._rows(workspace, "SELECT origin, lower(hex(content_hash)) FROM document WHERE is_live = 1"))

        fast, slow = {}, {}
        change(len(names))
        self.check(read("fast", fast) and read("slow", slow), "the log could not be followed from its beginning")
        lapses = done = 0
        for round in range(kills * 3):
            if done >= kills and lapses >= 2:
                break
            for _ in range(chance.randint(3, 8)):
                change(chance.randint(4, len(names)))
                self.check(read("fast", fast), "a consumer that keeps up lapsed")
                self.check(fast == present(), f"round {round}: the consumer that keeps up has another state")
            point = LOG_POINTS[round // 2 % 2]
            running = workspace.start("gc", "--json", **rules, **({"FRESHET_CRASH_POINT": point} if round % 2 else {}))
            if not round % 2:
                time.sleep(chance.uniform(0.005, 0.12))
                running.kill()
            outcome = running.wait()
            self.check(outcome.code in (0, -9), f"round {round}: {outcome}")
            if outcome.code == -9:
                done += 1
                self.kills += 1
                if round % 2:
                    self.points_hit.add(point)
            self.check_verifies(workspace, f"pruned, round {round}")
            self.check_ends(workspace.call("gc", "--json", **rules), (0,), "gc goes on")
            self.check_verifies(workspace, f"pruned, round {round}, at the end")
            (anchor, head, rows, least), = self._rows(
                workspace, "SELECT coalesce((SELECT sequence FROM anchor), 0), (SELECT sequence FROM head), "
                           "(SELECT count(*) FROM change), (SELECT min(sequence) FROM change)")
            self.check(least == anchor + 1 and rows == head - anchor, f"{rows} rows from {least}, anchor {anchor} of {head}")
            self.check(keep <= rows <= 2 * keep or anchor == 0, f"{rows} rows are kept, {keep} are asked for")
            if chance.random() < 0.5:
                if not read("slow", slow):
                    lapses += 1
                    before = dict(slow)
                    self.check_ends(
                        workspace.call("events", "consumers", "reset", "slow", "--to", "present"), (0,), "a reset")
                    self.check(read("slow", slow), f"a listing lapsed: {before}")
                self.check(slow == present(), f"round {round}: the slow consumer has another state")
        # A short life may end before one does.
        self.check(lapses > 0 or self.options.quick, "no consumer ever fell below the log's beginning")
        # One that is new begins with a listing.
        new: dict[str, str] = {}
        self.check(read("new", new) and new == present(), "a new consumer has another state")
        refused = workspace.call("audit", "--since", "1", "--json")
        self.check(refused.code != 0 and "history_pruned" in refused.errors + refused.output, f"audit: {refused}")
        self.say(f"pruned: {done} kills, {lapses} lapses, each brought back to the right state by a listing")
        workspace.remove()

    # Checks

    def _check_log(self, workspace, rules, what: str) -> None:
        """The log has what the rule says, and no more."""
        (anchor, head, rows), = self._rows(
            workspace, "SELECT coalesce((SELECT sequence FROM anchor), 0), (SELECT sequence FROM head), "
                       "(SELECT count(*) FROM change)")
        wanted = min(int(rules.get("KEEP_LOG", "1000000")), head)
        self.check(rows == wanted and anchor == head - rows, f"{what}: {rows} changes are kept of {head}, anchor {anchor}")

    def _check_whole(self, workspace, kept, what: str) -> None:
        """Between two runs: `verify` is content, every kept content is there to the byte, nothing else is marked."""
        self.check_verifies(workspace, what)
        contents, marks = self._contents(workspace), self._marks(workspace)
        wrong = [
            (origin, number)
            for origin, past in self.versions.items() for number, (_, content) in enumerate(past, 1)
            if number in kept[origin] and content is not None
            and contents.get(hashlib.sha256(content).digest()) != content
        ]
        self.check(not wrong, f"{what}: {len(wrong)} kept contents are not what they were, such as {wrong[:3]}")
        extra = [(origin, number) for origin, number in marks if number in kept[origin]]
        self.check(not extra, f"{what}: {len(extra)} kept versions are marked, such as {extra[:3]}")

    def _check_done(self, workspace, kept, what: str) -> None:
        self._check_whole(workspace, kept, what)
        wanted = {
            hashlib.sha256(content).digest()
            for origin, past in self.versions.items() for number, (_, content) in enumerate(past, 1)
            if number in kept[origin] and content is not None
        }
        contents, marks = self._contents(workspace), self._marks(workspace)
        self.check(set(contents) == wanted, f"{what}: {len(set(contents) - wanted)} contents too many")
        gone = {(origin, number) for origin, past in self.versions.items()
                for number in range(1, len(past) + 1) if number not in kept[origin]}
        self.check(marks == gone, f"{what}: {len(gone - marks)} versions are not marked, {len(marks - gone)} wrongly")
        loose = self._rows(
            workspace,
            "SELECT (SELECT count(*) FROM passage p WHERE NOT EXISTS(SELECT 1 FROM chunk c WHERE c.passage = p.id)), "
            "(SELECT count(*) FROM vector_1 v WHERE NOT EXISTS(SELECT 1 FROM passage p WHERE p.id = v.passage)), "
            "(SELECT count(*) FROM rendition r WHERE NOT EXISTS(SELECT 1 FROM edition e WHERE e.rendition = r.id)), "
            "(SELECT count(*) FROM chunk c WHERE to_sequence IS NOT NULL AND NOT EXISTS(SELECT 1 FROM edition e "
            "WHERE e.document = c.document AND e.from_sequence >= c.from_sequence AND e.from_sequence < c.to_sequence))")
        self.check(loose == [(0, 0, 0, 0)], f"{what}: passages, vectors, renditions, chunks left: {loose}")

    def _finish(self, workspace, kept, what: str, size: int | None = None) -> None:
        """One run ends the work, the next finds nothing, and the collection works on."""
        rules = self._rules(what) if what in RULES else self._points_rules()
        self.check_ends(workspace.call("gc", "--json", seconds=600, **rules), (0,), f"{what}: the last run")
        self._check_done(workspace, kept, f"{what}, at the end")
        again = workspace.call("gc", "--json", **rules).value()
        self.check(again.get("complete") is True and again.get("versions") == 0 and again.get("bytes") == 0,
                   f"{what}: another run removed something: {again}")
        if size is not None:
            self.check(self._size(workspace) <= size * 1.1 + (1 << 20),
                       f"{what}: {self._size(workspace)} bytes after kills, {size} without")
        sync = workspace.sync()
        self.check_ends(sync, (0,), f"{what}: a sync after it")
        self.check(sync.embedded == 0 and not sync.lines("document"), f"{what}: the sync changed something")
        self.check(workspace.search("snapshot journal").code == 0, f"{what}: a search failed")

    # The rules, once more

    def _kept(self, rules: dict[str, str]) -> dict[str, set[int]]:
        now = time.time_ns()
        return {origin: self._kept_of(past, rules, now) for origin, past in self.versions.items()}

    @staticmethod
    def _kept_of(past, rules, now: int) -> set[int]:
        """By the definition: for each moment that a rule names, the version that was current then."""
        def days(key):
            return int(rules[key].removesuffix("d")) * DAY * 10**9

        def current(moment, just_before):
            found = None
            for number, (at, content) in enumerate(past, 1):
                if at < moment or at == moment and not just_before:
                    found = number if content is not None else None
            return found

        states = [number for number, (_, content) in enumerate(past, 1) if content is not None]
        is_deleted = past[-1][1] is None
        kept = set()
        if not (is_deleted and "KEEP_DELETED" in rules and now - past[-1][0] >= days("KEEP_DELETED")):
            kept.update(states[-int(rules.get("KEEP_LAST", "1")):])
            midnight = datetime.datetime.fromtimestamp(now // 10**9, datetime.timezone.utc).replace(
                hour=0, minute=0, second=0, microsecond=0)
            moments = [midnight - datetime.timedelta(days=back) for back in range(int(rules.get("KEEP_DAILY", "0")))]
            monday = midnight - datetime.timedelta(days=midnight.weekday())
            moments += [monday - datetime.timedelta(weeks=back) for back in range(int(rules.get("KEEP_WEEKLY", "0")))]
            month = midnight.replace(day=1)
            for _ in range(int(rules.get("KEEP_MONTHLY", "0"))):
                moments.append(month)
                month = (month - datetime.timedelta(days=1)).replace(day=1)
            kept.update(current(int(moment.timestamp()) * 10**9, True) for moment in moments)
        if "KEEP_FOR" in rules:
            begin = now - days("KEEP_FOR")
            kept.add(current(begin, False))
            kept.update(number for number in states if past[number - 1][0] > begin)
        kept.discard(None)
        kept.update(number for number in range(2, len(past) + 1) if past[number - 1][1] is None and number - 1 in kept)
        return kept

    # The database

    def _rules(self, name: str) -> dict[str, str]:
        return {f"FRESHET_HISTORY_{key}": value for key, value in RULES[name].items()}

    def _points_rules(self) -> dict[str, str]:
        return self._rules("last" if self.options.quick else "one")

    def _copy(self, name: str):
        copy = self.prepared.copy(self.folder / f"{name.replace(' ', '-')}-{time.monotonic_ns()}")
        # The copied files have other inodes and paths.
        copy.environment["FRESHET_SYNC_MAX_DELETE_RATIO"] = "1"
        return copy

    @staticmethod
    def _size(workspace) -> int:
        return sum(file.stat().st_size for file in workspace.collection.glob("collection.sqlite*")
                   if not file.name.endswith("-shm"))

    @staticmethod
    def _rows(workspace, sql: str) -> list[tuple]:
        database = workspace.collection / "collection.sqlite"
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def _contents(self, workspace) -> dict[bytes, bytes]:
        return dict(self._rows(workspace, "SELECT hash, data FROM content"))

    def _marks(self, workspace) -> set[tuple[str, int]]:
        return set(self._rows(workspace, "SELECT d.origin, c.version FROM collected c JOIN document d ON d.id = c.document"))
