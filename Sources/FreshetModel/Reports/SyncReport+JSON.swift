extension SyncReport {
  /// The summary line of `sync --json`.
  public var json: JSONValue {
    [
      "type": "summary", "run": .string(run.description), "sequence": .integer(sequence),
      "checkpoints": .integer(Int64(checkpoints)), "success_rate": .number(successRate),
      "interrupted": .boolean(interrupted), "documents": documents.json, "chunks": chunks.json,
      "embedder": ["calls": .integer(Int64(embedderCalls)), "tokens": .integer(Int64(embedderTokens))],
      "bytes": ["read": .integer(Int64(bytesRead))], "seconds": seconds.json,
      "peak_memory_bytes": .integer(peakMemoryBytes),
      "held": .array(
        held.map {
          ["source": .string($0.source), "count": .integer(Int64($0.count)), "message": .string($0.sentence)]
        }
      ),
      "unavailable": .array(
        unavailable.map {
          [
            "source": .string($0.source), "path": .string($0.path),
            "error": ["code": .string($0.error.code.rawValue), "message": .string($0.error.message)],
          ]
        }
      ),
      "callbacks": callbacks.json, "deliveries": .array(deliveries.map(\.json)),
    ]
  }
}

extension SyncReport.Documents {
  /// The counts by outcome.
  public var json: JSONValue {
    [
      "created": .integer(Int64(created)), "modified": .integer(Int64(modified)),
      "renamed": .integer(Int64(renamed)), "deleted": .integer(Int64(deleted)),
      "restored": .integer(Int64(restored)), "unchanged": .integer(Int64(unchanged)),
      "refreshed": .integer(Int64(refreshed)), "skipped": .integer(Int64(skipped)),
      "failed": .integer(Int64(failed)), "held": .integer(Int64(held)),
    ]
  }
}

extension SyncReport.Chunks {
  /// The counts by outcome.
  public var json: JSONValue {
    [
      "total": .integer(Int64(total)), "added": .integer(Int64(added)), "removed": .integer(Int64(removed)),
      "reused": .integer(Int64(reused)), "embedded": .integer(Int64(embedded)), "kept": .integer(Int64(kept)),
      "moved": .integer(Int64(moved)),
    ]
  }
}

extension SyncReport.Seconds {
  /// The seconds by stage, to the millisecond.
  public var json: JSONValue {
    [
      "total": .thousandths(total), "list": .thousandths(list), "parse": .thousandths(parse),
      "read": .thousandths(read), "chunk": .thousandths(chunk), "embed": .thousandths(embed),
      "commit": .thousandths(commit), "index": .thousandths(index),
    ]
  }
}
