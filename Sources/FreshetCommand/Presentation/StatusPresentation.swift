import Freshet
import FreshetCommandLine
import FreshetIndex
import FreshetModel
import FreshetSync
import FreshetSystem

extension CollectionStatus {
  /// The line of `status --json`.
  ///
  /// - Parameters:
  ///   - service: what the running service answered; `nil` when none runs.
  ///   - fault: why the configuration cannot be used; what it says of the index is not known then.
  func json(service: JSONValue?, fault: FreshetError? = nil) -> JSONValue {
    [
      "collection": .string(path), "sequence": .integer(head.sequence),
      "documents": .integer(Int64(counts.documents)), "deleted_documents": .integer(Int64(counts.deletedDocuments)),
      "versions": .integer(Int64(counts.versions)), "chunks": .integer(Int64(counts.chunks)),
      "passages": .integer(Int64(counts.passages)), "vectors": .integer(Int64(counts.vectors)),
      "awaiting_vectors": .integer(Int64(counts.awaitingVectors)),
      "model": model.map { .string($0.name) } ?? .null,
      "daemon": service ?? ["running": false, "pid": .null],
      "writer": writer.map { .integer(Int64($0)) } ?? .null, "last_run": lastRun?.json ?? .null,
      "last_processed": head.sequence > 0 ? .string(head.at.description) : .null,
      "last_rebuild": index.map { .string($0.builtAt.description) } ?? .null,
      "rebuild_threshold": fault == nil ? .number(rebuildThreshold) : .null,
      "changed_since_rebuild": .number(index?.changedRatio ?? 0), "failures": .integer(Int64(counts.failures)),
      "index": index.map {
        [
          "backend": .string($0.backend.rawValue), "sequence": .integer($0.position.sequence),
          "live_at_build": .integer(Int64($0.liveAtBuild)), "added": .integer(Int64($0.addedSinceBuild)),
          "removed": .integer(Int64($0.removedSinceBuild)), "delta_files": .integer(Int64($0.deltaFiles)),
          "has_backup": .boolean($0.hasBackup), "bytes": .integer(Int64($0.byteCount)),
        ]
      } ?? .null,
      "configuration_error": fault.map {
        ["code": .string($0.code.rawValue), "message": .string($0.description)]
      } ?? .null,
    ]
  }

  /// The lines for people.
  ///
  /// - Parameters:
  ///   - service: what the running service answered; `nil` when none runs.
  ///   - fault: why the configuration cannot be used.
  func text(service: JSONValue?, fault: FreshetError? = nil) -> String {
    var lines = [
      ("Collection", path),
      (
        "Documents",
        "\(counts.documents), with \(Quantity.text(counts.versions, of: "version"))"
          + (counts.deletedDocuments > 0 ? "; \(counts.deletedDocuments) deleted" : "")
      ),
      ("Chunks", "\(counts.chunks), of \(Quantity.text(counts.passages, of: "distinct text"))"),
      ("Model", model.map { "\($0.name), \($0.dimension) components" } ?? "none"),
    ]
    if counts.awaitingVectors > 0 {
      let verb = counts.awaitingVectors == 1 ? "waits" : "wait"
      lines.append(("Awaiting", "\(Quantity.text(counts.awaitingVectors, of: "document")) \(verb) for vectors"))
    }
    if let index {
      lines.append(
        (
          "Index",
          "\(index.backend.rawValue), \(Quantity.text(bytes: Int64(index.byteCount))), built "
            + "\(index.builtAt.description.prefix(16)); since then \(index.addedSinceBuild) added and "
            + "\(index.removedSinceBuild) removed, \((index.changedRatio * 1000).rounded() / 10) %"
            + (fault == nil ? "; built anew at \(rebuildThreshold * 100) %" : "")
        )
      )
    }
    if head.sequence > 0 { lines.append(("Processed", "\(head.at.description.prefix(19)), change \(head.sequence)")) }
    if let writer { lines.append(("Writer", "process \(writer)")) }
    if let service { lines += Self.lines(of: service) }
    if let lastRun { lines.append(("Last run", "\(lastRun.startedAt.description.prefix(19)) by \(lastRun.actor)")) }
    if counts.failures > 0 { lines.append(("Failures", "\(counts.failures); `freshet failures` lists them")) }
    return lines.map { name, value in
      name + String(repeating: " ", count: max(1, 12 - name.count)) + value.displayable + "\n"
    }.joined()
  }
}

extension CollectionStatus {
  /// What the running service says of itself, for people.
  private static func lines(of service: JSONValue) -> [(String, String)] {
    func number(_ value: JSONValue?) -> Int64 {
      switch value {
      case .integer(let number)?: number
      case .number(let number)?: Int64(number)
      default: 0
      }
    }
    var text = "process \(number(service["pid"])), up \(Quantity.text(.seconds(number(service["uptime_seconds"]))))"
    if case .string(let work)? = service["working"] { text += ", at work (\(work))" }
    if number(service["queue"]) > 0 { text += ", \(number(service["queue"])) queued" }
    text += ", \(Quantity.text(bytes: number(service["memory_bytes"]))) of memory"
    switch service["memory_state"] {
    case "warned"?: text += " (above memory.warn)"
    case "limited"?: text += " (above memory.limit: it has slowed down)"
    default: break
    }
    var lines = [("Service", text)]
    if case .array(let alerts)? = service["alerts"] {
      for alert in alerts {
        guard case .string(let message)? = alert["message"], case .string(let since)? = alert["since"] else { continue }
        lines.append(("Alert", "\(message) (\(since.prefix(16)))"))
      }
    }
    for (name, key) in [("Held", "held"), ("Unavailable", "unavailable")] {
      guard case .array(let entries)? = service[key] else { continue }
      for entry in entries {
        guard case .string(let source)? = entry["source"], case .string(let message)? = entry["message"] else {
          continue
        }
        lines.append((name, "\(source): \(message)"))
      }
    }
    if case .array(let sources)? = service["watch"] {
      for source in sources {
        guard case .string(let name)? = source["source"], case .string(let mode)? = source["mode"] else { continue }
        lines.append(("Watching", "\(name) by \(mode), \(Quantity.text(Int(number(source["folders"])), of: "folder"))"))
      }
    }
    if case .string(let message)? = service["error"] { lines.append(("Error", message)) }
    return lines
  }
}

extension ExportedChunk {
  /// A line of `export --format jsonl`.
  func json(withVector: Bool) -> JSONValue {
    [
      "document": .string(document.id.description), "source": .string(document.sourceName),
      "origin": .string(document.origin), "version": .integer(Int64(document.version)),
      "chunk": .string(chunk.id.description), "passage": .integer(chunk.passage),
      "heading": .array(passage.heading.map { .string($0) }), "text": .string(passage.body),
      "position": [
        "start": .integer(Int64(chunk.start)), "end": .integer(Int64(chunk.end)),
        "page": chunk.page.map { .integer(Int64($0)) } ?? .null,
      ],
      "vector": withVector ? vector.map { .array($0.map { .number(Double($0)) }) } ?? .null : .null,
      "metadata": JSONValue(document.metadata),
    ]
  }
}
