/// Where a collection's log begins: the last change whose row was pruned, vouched for by the store, so that the chain can
/// be followed from there to the head.
public struct LogAnchor: Hashable, Sendable {
  /// The change; 0 when the log is whole.
  public var sequence: SequenceNumber
  /// The chain's value after it.
  public var chain: ContentHash
  /// When it was committed.
  public var at: Timestamp

  /// Describes an anchor.
  public init(sequence: SequenceNumber, chain: ContentHash, at: Timestamp) {
    self.sequence = sequence
    self.chain = chain
    self.at = at
  }

  /// That of a log from which nothing was pruned.
  public static let beginning = LogAnchor(sequence: 0, chain: .zero, at: .epoch)
}

/// How much of the log is kept.
public enum LogRetention: Hashable, Sendable {
  /// All of it.
  case forever
  /// The newest so many changes.
  case changes(Int64)
  /// The changes of this time before now.
  case time(Duration)

  /// What is kept unless something else is said.
  public static let standard = changes(1_000_000)

  /// A consumer that is behind by more than this many times what is kept is waited for no longer.
  static let consumerFactor: Int64 = 2
}

extension RunRecord {
  /// The newest so many runs are kept, however short the log is.
  public static let keptMin = 100
}

extension StoreSnapshot {
  /// The last change with a time before the limit, found by bisection, since times never decrease; `nil` when it lies
  /// before the anchor, where the log does not tell any more.
  public func lastChange(before limit: Timestamp) throws -> SequenceNumber? {
    let anchor = head.anchor
    if anchor.sequence > 0, anchor.at >= limit { return nil }
    var low = anchor.sequence
    var high = head.sequence
    while low < high {
      let middle = low + (high - low + 1) / 2
      guard let change = try changes(after: middle - 1, limit: 1).first else {
        throw FreshetError(.storeDamaged, "the log has no change \(middle)")
      }
      if change.at < limit { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// The change up to which the log can be pruned now: the anchor's when nothing goes.
  ///
  /// The newest change stays. So does what an active consumer has not read yet, unless it is behind by more than twice
  /// what is kept: then it lapses, and is brought back in step with a listing of the present.
  public func prunableChange(keeping retention: LogRetention, now: Timestamp) throws -> SequenceNumber {
    let limit = try end(of: retention, now: now)
    guard limit > head.anchor.sequence else { return head.anchor.sequence }
    let patience = try end(of: retention.times(LogRetention.consumerFactor), now: now)
    var chosen = limit
    for consumer in try consumers() where consumer.state == .active {
      let place = consumer.resync?.start ?? consumer.position
      guard place.sequence >= patience, place.sequence < chosen, try lapse(of: place) == nil else { continue }
      chosen = place.sequence
    }
    return max(head.anchor.sequence, chosen)
  }

  /// The last change that is not among those that are kept.
  private func end(of retention: LogRetention, now: Timestamp) throws -> SequenceNumber {
    let anchor = head.anchor.sequence
    let last: SequenceNumber
    switch retention {
    case .forever: return anchor
    case .changes(let count): last = head.sequence - max(1, count)
    case .time(let duration):
      let (instant, isTooEarly) = now.nanoseconds.subtractingReportingOverflow(duration.clampedNanoseconds)
      last = try isTooEarly ? anchor : lastChange(before: Timestamp(nanoseconds: instant)) ?? anchor
    }
    return max(anchor, min(last, head.sequence - 1))
  }
}

extension LogRetention {
  fileprivate func times(_ factor: Int64) -> LogRetention {
    switch self {
    case .forever: .forever
    case .changes(let count): .changes(count.multipliedReportingOverflow(by: factor).overflow ? .max : count * factor)
    case .time(let duration): .time(duration * Int(factor))
    }
  }
}
