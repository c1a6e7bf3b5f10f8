import FreshetModel

/// What every store requires of a moment of the past.
enum PastRules {
  /// - Throws: `FreshetError` when the state after that change is not there to be asked for.
  static func check(_ sequence: SequenceNumber, head: Head) throws {
    guard sequence >= 0, sequence <= head.sequence else {
      throw FreshetError(
        .invalidArgument,
        "There is no change \(sequence); the collection has changes 1 to \(head.sequence)."
      )
    }
    guard sequence >= head.historyFloor else {
      throw FreshetError(
        .historyPruned,
        "The history of this collection is kept from change \(head.historyFloor) on; \(sequence) lies before it."
      )
    }
  }
}
