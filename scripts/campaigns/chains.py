"""What the store hashes, written down a second time, and a history that is rewritten with all its hashes."""

import hashlib
import sqlite3


def number(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def signed(value: int) -> bytes:
    return number((value << 1 ^ value >> 63) & (1 << 64) - 1)


def sized(value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return number(len(data)) + data


def version_bytes(row) -> bytes:
    return b"".join((
        sized("freshet-version/1"), signed(row["number"]), sized(row["kind"]), sized(row["content_hash"]),
        signed(row["size"]), signed(row["at"]), signed(row["sequence"]), sized(row["run"]), sized(row["actor"]),
        sized("" if row["owner"] is None else "=" + row["owner"]), signed(row["file_modified"]), sized(row["origin"]),
        sized("" if row["previous_origin"] is None else "=" + row["previous_origin"]), signed(row["same_as"] or 0),
        sized(row["reason"] or ""),
    ))


def change_bytes(row) -> bytes:
    return b"".join((
        sized("freshet-change/2"), signed(row["sequence"]), signed(row["at"]), sized(row["run"]), sized(row["kind"]),
        sized(row["uuid"]), sized(row["source"]), sized(row["origin"]),
        sized("" if row["previous_origin"] is None else "=" + row["previous_origin"]), signed(row["version"]),
        sized(row["content_hash"]), sized(row["reason"] or ""), sized(row["edition"]), sized(row["version_chain"]),
    ))


def passage_key(heading: str, body: str) -> bytes:
    parts = heading.split("\x1f")[:-1] if heading else []
    data = b"freshet-passage/1\0" + b"".join(part.encode() + b"\x1f" for part in parts) + b"\0" + body.encode()
    return hashlib.sha256(data).digest()


def vector_checksum(passage: int, value: bytes) -> int:
    digest = hashlib.sha256(passage.to_bytes(8, "little") + value).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def rewrite(database, sequence: int) -> None:
    """Gives the first version from a change on another owner, and recomputes every chain after it."""
    database.row_factory = sqlite3.Row
    first = database.execute("SELECT * FROM version WHERE sequence >= ? ORDER BY sequence LIMIT 1", (sequence,)).fetchone()
    if first is None:
        first = database.execute("SELECT * FROM version ORDER BY sequence DESC LIMIT 1").fetchone()
    where = (first["document"], first["number"])
    database.execute("BEGIN")
    database.execute("UPDATE version SET owner = 'somebody else' WHERE document = ? AND number = ?", where)
    chain = bytes(32)
    for row in database.execute("SELECT * FROM version WHERE document = ? ORDER BY number", where[:1]).fetchall():
        chain = hashlib.sha256(chain + version_bytes(row)).digest()
        database.execute(
            "UPDATE version SET chain = ? WHERE document = ? AND number = ?", (chain, row["document"], row["number"])
        )
        database.execute(
            "UPDATE change SET version_chain = ? WHERE document = ? AND version = ?", (chain, row["document"], row["number"])
        )
    chain = database.execute("SELECT coalesce((SELECT chain FROM anchor), zeroblob(32))").fetchone()[0]
    for row in database.execute(
        "SELECT c.*, d.uuid FROM change c JOIN document d ON d.id = c.document ORDER BY c.sequence"
    ).fetchall():
        chain = hashlib.sha256(chain + change_bytes(row)).digest()
        database.execute("UPDATE change SET chain = ? WHERE sequence = ?", (chain, row["sequence"]))
    database.execute("UPDATE head SET chain = ?", (chain,))
    database.execute("COMMIT")
