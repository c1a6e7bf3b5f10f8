"""The comparison as one Markdown table: figures, and in brackets the ratio to Freshet's."""

MEGABYTE = 1_000_000

HEAD = (
    "engine",
    "chunks",
    "first, CPU s",
    "peak MB",
    "nothing changed, CPU s",
    "changed, CPU s",
    "embedded though embedded before",
    "deletes, renames right",
    "SIGKILL at half: embedded again; then complete",
)


def ratio(value: float, base: float | None) -> str:
    """The value's multiple of Freshet's; nothing where there is no Freshet, or it is Freshet."""
    if not base or value == base:
        return ""
    times = value / base
    return f" ({times:.0f}×)" if times >= 10 else f" ({times:.1f}×)"


def seconds(value: float, base: float | None) -> str:
    return f"{value:.3f}" + ratio(value, base) if value < 1 else f"{value:.1f}" + ratio(value, base)


def right(changes: dict) -> str:
    wrong = []
    if changes["deleted_still_there"]:
        wrong.append(f"{changes['deleted_still_there']} deleted still found")
    if changes["renamed_still_there"]:
        wrong.append(f"{changes['renamed_still_there']} old names still found")
    if changes["renamed_missing"]:
        wrong.append(f"{changes['renamed_missing']} new names missing")
    if changes["added_missing"]:
        wrong.append(f"{changes['added_missing']} added missing")
    index = changes["index"]
    if not wrong and not index["equal"]:
        wrong.append(f"index differs from a clean one: {index['missing']} missing, {index['surplus']} surplus")
    return "no: " + ", ".join(wrong) if wrong else "yes"


def survived(crash: dict) -> str:
    if "error" in crash:
        return "not measured: " + crash["error"].splitlines()[0]
    if not crash["was_killed"]:
        return "not measured: it had ended before"
    index = crash["index"]
    if index["equal"]:
        complete = "yes"
    else:
        complete = f"no: {index['missing']} of {index['chunks'] + index['missing'] - index['surplus']} chunks missing"
        if index["surplus"]:
            complete += f", {index['surplus']} surplus"
    return f"{crash['embedded_twice']} of {crash['embedded_before_kill']}; {complete}"


def wasted(changes: dict) -> str:
    if changes["embedded_before"] is None:
        return "?"
    return f"{changes['embedded_before']} of {changes['embedded']}"


def row(result: dict, base: dict | None) -> tuple[str, ...]:
    def of(job: str, figure: str = "cpu") -> float | None:
        return base[job][figure] if base else None

    first, again, changed = result["first"], result["again"], result["changed"]
    return (
        result["title"],
        f"{result['chunks']:,}",
        seconds(first["cpu"], of("first")),
        f"{first['memory'] / MEGABYTE:.0f}" + ratio(first["memory"], of("first", "memory")),
        seconds(again["cpu"], of("again")),
        seconds(changed["cpu"], of("changed")),
        wasted(result["changes"]),
        right(result["changes"]),
        survived(result["killed"]),
    )


def render(report: dict) -> str:
    """The table, and below it what has to be known to read it."""
    base = next((result for result in report["results"] if result["engine"] == "freshet"), None)
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for result in report["results"]:
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row(result, base)) + " |")
    machine = report["machine"]
    lines += [
        "",
        f"{report['count']} files; embedder stubbed; peers' splitters {report['chunk']} characters, overlap"
        f" {report['overlap']}. CPU with all child processes, interpreter start included; in brackets the ratio to"
        f" Freshet. {machine['cpu']}, {machine['cores']} cores, load {machine['load']:.1f}; {report['at']}.",
    ]
    failures = ((base or {}).get("first", {}).get("summary") or {}).get("documents", {}).get("failed", 0)
    if failures:
        lines.append(f"\nFreshet put {failures} of the documents into quarantine.")
    lines += [f"\nNot compared: {text.splitlines()[0]}" for text in report["failed"]]
    return "\n".join(lines)
