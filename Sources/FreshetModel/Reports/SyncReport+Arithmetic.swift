/// What of a report adds up, and under which names it stands in its summary line.
extension SyncReport {
  typealias Count = (group: String, name: String, value: WritableKeyPath<SyncReport, Int>)
  typealias Time = (name: String, value: WritableKeyPath<SyncReport, Double>)

  /// Counts by their group and name; `chunks.total`, `documents.held` and `checkpoints` are not among them.
  static var counts: [Count] {
    [
      ("documents", "created", \.documents.created), ("documents", "modified", \.documents.modified),
      ("documents", "renamed", \.documents.renamed), ("documents", "restored", \.documents.restored),
      ("documents", "deleted", \.documents.deleted), ("documents", "unchanged", \.documents.unchanged),
      ("documents", "refreshed", \.documents.refreshed), ("documents", "skipped", \.documents.skipped),
      ("documents", "failed", \.documents.failed), ("chunks", "added", \.chunks.added),
      ("chunks", "removed", \.chunks.removed), ("chunks", "reused", \.chunks.reused),
      ("chunks", "embedded", \.chunks.embedded), ("chunks", "kept", \.chunks.kept), ("chunks", "moved", \.chunks.moved),
      ("embedder", "calls", \.embedderCalls), ("embedder", "tokens", \.embedderTokens), ("bytes", "read", \.bytesRead),
    ]
  }

  /// Seconds by their name in `seconds`.
  static var times: [Time] {
    [
      ("total", \.seconds.total), ("list", \.seconds.list), ("parse", \.seconds.parse), ("read", \.seconds.read),
      ("chunk", \.seconds.chunk), ("embed", \.seconds.embed), ("commit", \.seconds.commit), ("index", \.seconds.index),
    ]
  }

  /// Adds what another part of a run, or another run, did.
  public mutating func add(_ part: SyncReport) {
    add(part, sign: 1)
    sequence = max(sequence, part.sequence)
    chunks.total = part.chunks.total
  }

  /// What a further part of a run did: this report without the counts of the part before.
  public func subtracting(_ before: SyncReport?) -> SyncReport {
    guard let before else { return self }
    var change = self
    change.add(before, sign: -1)
    return change
  }

  private mutating func add(_ part: SyncReport, sign: Int) {
    for count in Self.counts { self[keyPath: count.value] += sign * part[keyPath: count.value] }
    checkpoints += sign * part.checkpoints
    for time in Self.times { self[keyPath: time.value] += Double(sign) * part[keyPath: time.value] }
  }

  /// Adds what a run's stored report says; what it lacks counts as nothing.
  public mutating func add(stored report: JSONValue) {
    for count in Self.counts {
      if case .integer(let value)? = report[count.group]?[count.name] {
        self[keyPath: count.value] += Int(clamping: value)
      }
    }
    if case .integer(let value)? = report["checkpoints"] { checkpoints += Int(clamping: value) }
    for time in Self.times {
      switch report["seconds"]?[time.name] {
      case .number(let value)?: self[keyPath: time.value] += value
      case .integer(let value)?: self[keyPath: time.value] += Double(value)
      default: break
      }
    }
  }
}
