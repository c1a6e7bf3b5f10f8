import FreshetModel

extension LiveStatus {
  /// The status as a running service answers it, and as `status --json` shows it below `daemon`.
  ///
  /// - Parameter configuration: the file that it works with; `nil` for none.
  public func json(process: Int32, configuration: String?, now: Timestamp) -> JSONValue {
    let documents = totals.documents
    return [
      "running": true, "pid": .integer(Int64(process)),
      "configuration": configuration.map { .string($0) } ?? .null, "started_at": .string(startedAt.description),
      "uptime_seconds": .number(Double(now.nanoseconds - startedAt.nanoseconds) / 1e9),
      "working": working.map { .string($0) } ?? .null, "queue": .integer(Int64(queued)),
      "last_change": lastChange.map { .string($0.description) } ?? .null,
      "documents": [
        "created": .integer(Int64(documents.created)), "modified": .integer(Int64(documents.modified)),
        "renamed": .integer(Int64(documents.renamed)), "restored": .integer(Int64(documents.restored)),
        "deleted": .integer(Int64(documents.deleted)), "refreshed": .integer(Int64(documents.refreshed)),
        "failed": .integer(Int64(documents.failed)),
      ],
      "chunks": [
        "added": .integer(Int64(totals.chunks.added)), "removed": .integer(Int64(totals.chunks.removed)),
        "reused": .integer(Int64(totals.chunks.reused)), "embedded": .integer(Int64(totals.chunks.embedded)),
      ],
      "held": .array(
        held.map {
          ["source": .string($0.source), "count": .integer(Int64($0.count)), "message": .string($0.sentence)]
        }
      ),
      "unavailable": .array(
        unavailable.map {
          ["source": .string($0.source), "path": .string($0.path), "message": .string($0.error.message)]
        }
      ),
      "watch": .array(
        watch.map {
          [
            "source": .string($0.source), "mode": .string($0.mode), "folders": .integer(Int64($0.folders)),
            "unsettled": .integer(Int64($0.unsettled)), "overflows": .integer(Int64($0.overflows)),
          ]
        }
      ),
      "embedder_down": .boolean(isEmbedderDown), "error": error.map { .string($0.message) } ?? .null,
      "memory_bytes": .integer(residentBytes), "peak_memory_bytes": .integer(peakMemoryBytes),
      "memory_state": .string(memory.rawValue), "alerts": .array(alerts.map(\.json)),
      "last_processed": lastChange.map { .string($0.description) } ?? .null,
    ]
  }
}
