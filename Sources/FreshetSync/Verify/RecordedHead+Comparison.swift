import FreshetModel

extension RecordedHead {
  /// Takes down a collection's head as it is read, with landmarks.
  public init(_ snapshot: any StoreSnapshot) throws {
    let head = snapshot.head
    self.init(
      head,
      landmarks: try Self.landmarkSequences(before: head.sequence).compactMap { sequence in
        try snapshot.chain(at: sequence).map { Landmark(sequence: sequence, chain: $0) }
      }
    )
  }

  /// Whether a collection's log leads through this head: `nil` when it does, else what happened, as far as it can be told.
  ///
  /// It compares chains as they are stored; whether each row is the one of its chain is for `StoreSnapshot.problems`.
  public func problem(in snapshot: any StoreSnapshot) throws -> IntegrityProblem? {
    let present = snapshot.head
    if let collection, collection != present.collection {
      return IntegrityProblem(
        code: "head_other_collection",
        message:
          "the recorded head is that of another collection (\(collection); this one is \(present.collection)); name "
          + "the head of this collection, or find out how this one came to the other's place"
      )
    }
    if let epoch, epoch != present.epoch {
      return IntegrityProblem(
        code: "head_other_epoch",
        message:
          "the whole log was replaced since the head was recorded (its epoch was \(epoch) and is \(present.epoch)), "
          + "as an import does; if nobody did so on purpose, restore a backup, else record a new head"
      )
    }
    if head.sequence > present.sequence { return try shortened(snapshot) }
    if head.sequence < present.anchor.sequence { return pruned(present) }
    return try snapshot.chain(at: head.sequence) == head.chain ? nil : rewritten(snapshot)
  }

  /// The log begins after the recorded change: nothing can be said of it any more, nor of its landmarks, which are older.
  private func pruned(_ present: Head) -> IntegrityProblem {
    IntegrityProblem(
      code: "head_pruned",
      message:
        "the recorded head, change \(head.sequence), cannot be checked any more: the log is kept from change "
        + "\(present.anchor.sequence + 1) on (`history.keep_log`); check with a head that was recorded later, and record "
        + "heads more often than the log is pruned"
    )
  }

  /// The log ends before the recorded change.
  private func shortened(_ snapshot: any StoreSnapshot) throws -> IntegrityProblem {
    let last = snapshot.head.sequence
    guard try firstOther(in: snapshot) == nil else { return try rewritten(snapshot) }
    let lost = Quantity.text(Int(clamping: head.sequence - last), of: "change")
    let later = try snapshot.runs(limit: Self.runsRead).first { $0.lastSequence ?? 0 > last }
    let known = landmarks.contains { $0.sequence <= last } ? "; what it has up to there is what it was" : ""
    if let later {
      return IntegrityProblem(
        code: "head_truncated",
        sequence: last + 1,
        message:
          "the end of the log was cut off: it ends with change \(last), \(lost) before the recorded one, and the run "
          + "\(later.id) that made later ones is still on record\(known); restore a backup that has change \(head.sequence)"
      )
    }
    return IntegrityProblem(
      code: "head_restored",
      sequence: last + 1,
      message:
        "the log ends with change \(last), \(lost) before the recorded one, and nothing of what followed is left, "
        + "as after an older backup was put in its place (or the end was cut off with every trace)\(known); restore a "
        + "newer backup, or if the older one was meant, sync and record a new head"
    )
  }

  /// The log has the recorded change, or some before it, otherwise.
  private func rewritten(_ snapshot: any StoreSnapshot) throws -> IntegrityProblem {
    let other = try firstOther(in: snapshot) ?? head
    let common = try landmarks.filter { $0.sequence < other.sequence }
      .first { try snapshot.chain(at: $0.sequence) == $0.chain }
    let from = (common?.sequence ?? snapshot.head.anchor.sequence) + 1
    let place = from == other.sequence ? "change \(from)" : "a change from \(from) to \(other.sequence)"
    let first = try snapshot.changes(after: other.sequence - 1, limit: 1).first
    // Times are recorded in milliseconds.
    if let at, let first, first.at.nanoseconds / 1_000_000 > at.nanoseconds / 1_000_000 {
      return IntegrityProblem(
        code: "head_restored",
        sequence: from,
        message:
          "the log goes on otherwise than it was recorded, from \(place) on, with changes made after the head was "
          + "recorded (\(first.at)): an older backup was put in its place and the collection went on from there; the "
          + "recorded history up to change \(head.sequence) is lost unless another backup has it; if that was meant, "
          + "record a new head"
      )
    }
    return IntegrityProblem(
      code: "head_rewritten",
      document: first?.document,
      version: first?.version,
      sequence: from,
      message:
        "history was rewritten after the head was recorded: from \(place) on, the log is not the one that led to "
        + "change \(head.sequence), even where its own chain holds; restore a backup from before, and compare the two"
    )
  }

  /// The earliest landmark whose change the log has otherwise.
  private func firstOther(in snapshot: any StoreSnapshot) throws -> Landmark? {
    let (begin, present) = (snapshot.head.anchor.sequence, snapshot.head.sequence)
    return try landmarks.reversed().first { landmark in
      // What was pruned is neither the same nor another.
      guard landmark.sequence >= begin, landmark.sequence <= present else { return false }
      return try snapshot.chain(at: landmark.sequence) != landmark.chain
    }
  }

  /// Runs that are looked at for one that made changes which the log does not have.
  private static let runsRead = 100
}
