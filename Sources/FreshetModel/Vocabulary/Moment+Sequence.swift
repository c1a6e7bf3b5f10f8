extension Moment {
  /// The two ends of what a moment names: a day begins and ends, and so does a run.
  public enum Edge: Sendable {
    /// Before everything that belongs to it: what came *since* then is what follows.
    case start
    /// After everything that belongs to it: the state *as of* then.
    case end
  }

  /// The last change that had been made at this moment; 0 before the first one.
  ///
  /// A time after the last change is the present. A time before the first one is the empty collection.
  ///
  /// - Parameters:
  ///   - snapshot: the collection.
  ///   - now: what a time before now is counted from.
  ///   - edge: whether what the moment names (a day, a run) belongs to the state.
  ///   - isStateNeeded: whether the state must still be kept; the log may be longer than that.
  /// - Throws: `FreshetError` with `invalid_argument` for a sequence that has not come yet and for several runs of that
  ///   beginning, `not_found` for no such run, `history_pruned` when the state of that moment, or the log of it, is no longer
  ///   kept.
  public func sequence(
    in snapshot: any StoreSnapshot,
    now: Timestamp,
    at edge: Edge = .end,
    isStateNeeded: Bool = true
  ) throws -> SequenceNumber {
    let head = snapshot.head
    let sequence: SequenceNumber
    switch self {
    case .sequence(let number):
      guard number <= head.sequence else {
        throw FreshetError(
          .invalidArgument,
          "there is no change \(number) yet; the last one is \(head.sequence)"
        )
      }
      sequence = max(0, number)
    case .time(let span):
      sequence = try Self.lastChange(before: edge == .start ? span.start : span.end, in: snapshot)
    case .ago(let duration):
      let milliseconds = Self.milliseconds(duration)
      let (nanoseconds, isTooLong) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
      let (instant, isTooEarly) = now.nanoseconds.subtractingReportingOverflow(nanoseconds)
      let (limit, isTooLate) = instant.addingReportingOverflow(1)
      let isBeforeAll = isTooLong || isTooEarly
      sequence =
        try isBeforeAll ? 0 : Self.lastChange(before: Timestamp(nanoseconds: isTooLate ? .max : limit), in: snapshot)
    case .run(let prefix): sequence = try Self.edge(edge, ofRun: prefix, in: snapshot)
    }
    guard !isStateNeeded || sequence >= head.historyFloor else { throw try pruned(in: snapshot) }
    guard sequence >= head.anchor.sequence else { throw Self.logPruned(in: head) }
    return sequence
  }

  private static func milliseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
    return overflow ? (seconds < 0 ? .min : .max) : whole + attoseconds / 1_000_000_000_000_000
  }

  /// A number before the log's beginning when the change lies there.
  private static func lastChange(before limit: Timestamp, in snapshot: any StoreSnapshot) throws -> SequenceNumber {
    try snapshot.lastChange(before: limit) ?? -1
  }

  private static func edge(
    _ edge: Edge,
    ofRun prefix: String,
    in snapshot: any StoreSnapshot
  ) throws -> SequenceNumber {
    let runs = try snapshot.runs(limit: .max).filter { $0.id.description.hasPrefix(prefix) }
    guard let run = runs.first else {
      throw FreshetError(
        .notFound,
        "no run's identity starts with '\(prefix)'; `freshet runs --json` shows the identities"
      )
    }
    guard runs.count == 1 else {
      throw FreshetError(
        .invalidArgument,
        "the identities of \(runs.count) runs start with '\(prefix)'; write more of it"
      )
    }
    if edge == .start { return run.firstSequence }
    if let last = run.lastSequence { return last }
    // It was killed, or is under way: its changes follow each other, since one process writes at a time.
    var last = run.firstSequence
    while true {
      let page = try snapshot.changes(after: last, limit: runPage)
      let own = page.prefix { $0.run == run.id }
      last = own.last?.sequence ?? last
      guard own.count == runPage else { return last }
    }
  }

  /// Changes of an unfinished run that are read at once.
  private static let runPage = 1_000

  private static func logPruned(in head: Head) -> FreshetError {
    FreshetError(
      .historyPruned,
      "the log of this collection is kept from change \(head.anchor.sequence + 1) on, after \(head.anchor.at) "
        + "(`history.keep_log`), and this moment lies before it"
    )
  }

  private func pruned(in snapshot: any StoreSnapshot) throws -> FreshetError {
    let floor = snapshot.head.historyFloor
    let anchor = snapshot.head.anchor
    let first = floor == anchor.sequence ? anchor.at : try snapshot.changes(after: floor - 1, limit: 1).first?.at
    let since = first.map { " (\($0))" } ?? ""
    return FreshetError(
      .historyPruned,
      "the history of this collection is kept from change \(floor)\(since) on, and this moment lies before it"
    )
  }
}
