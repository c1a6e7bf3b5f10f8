import FreshetModel

extension SyncReport {
  /// What a further part of a run did: this report without the counts of the part before.
  func subtracting(_ before: SyncReport?) -> SyncReport {
    guard let before else { return self }
    var change = self
    change.add(before, sign: -1)
    return change
  }

  /// Adds what a part of a run did.
  mutating func add(_ part: SyncReport) { add(part, sign: 1) }

  private mutating func add(_ part: SyncReport, sign: Int) {
    for count in Self.documentCounts { documents[keyPath: count] += sign * part.documents[keyPath: count] }
    chunks.added += sign * part.chunks.added
    chunks.removed += sign * part.chunks.removed
    chunks.reused += sign * part.chunks.reused
    chunks.embedded += sign * part.chunks.embedded
    checkpoints += sign * part.checkpoints
    embedderCalls += sign * part.embedderCalls
    embedderTokens += sign * part.embedderTokens
    for time in Self.times { seconds[keyPath: time] += Double(sign) * part.seconds[keyPath: time] }
    if sign > 0 {
      sequence = max(sequence, part.sequence)
      chunks.total = part.chunks.total
    }
  }

  private static var documentCounts: [WritableKeyPath<Documents, Int>] {
    [
      \.created, \.modified, \.renamed, \.restored, \.deleted, \.unchanged, \.refreshed, \.skipped, \.failed,
    ]
  }

  private static var times: [WritableKeyPath<Seconds, Double>] {
    [\.total, \.list, \.parse, \.embed, \.commit, \.index]
  }
}
