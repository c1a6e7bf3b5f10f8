import FreshetModel

extension SQLiteSnapshot {
  func asOf(_ sequence: SequenceNumber) throws -> any StoreSnapshot {
    try PastRules.check(sequence, head: head)
    return sequence == head.sequence ? self : try SQLitePastSnapshot(self, at: sequence)
  }
}
