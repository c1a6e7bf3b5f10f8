import FreshetModel

/// Which versions of a document keep their content; of the others the row alone stays, with its hash, for ever.
///
/// Rules add up: a version is kept if any rule keeps it. A version is *current* from its commit to the next one's, so a
/// document that did not change for a year had one version at each moment of it. Without a rule for versions, all are
/// kept. What the rules let go at one moment, no later moment asks for (but of a document that comes back when the time
/// of deleted ones is over): they never want back what is gone.
public struct RetentionPolicy: Hashable, Sendable {
  /// The newest so many.
  public var last: Int?
  /// Those that were current at any moment of this time before now: every moment of it can be gone back to.
  public var everythingFor: Duration?
  /// Those that were current at the end of each of so many last days, in UTC.
  public var days: Int?
  /// The same at the end of weeks, which end on Sunday.
  public var weeks: Int?
  /// The same at the end of months.
  public var months: Int?
  /// How long after its deletion a document is treated as before; then only `everythingFor` keeps something of it.
  /// Without it, for ever.
  public var deletedFor: Duration?

  /// Keeps everything.
  public init() {}

  /// Whether nothing is ever let go.
  public var keepsEverything: Bool { !hasRules && deletedFor == nil }

  private var hasRules: Bool { last != nil || everythingFor != nil || days != nil || weeks != nil || months != nil }

  /// The numbers of the versions that are kept.
  ///
  /// Always among them: the current version of a live document, and the last one before the deletion of a document that
  /// is deleted for less than `deletedFor`. A deletion goes with the version before it.
  ///
  /// - Parameter versions: all versions of a document, oldest first; their times do not decrease.
  public func versionsToKeep(_ versions: [RetainedVersion], now: Timestamp) -> Set<Int> {
    guard let newest = versions.last else { return [] }
    var kept: Set<Int> = []
    let isExpired = deletedFor.map { newest.isDeletion && now - newest.at >= $0 } ?? false
    if !isExpired {
      guard hasRules else { return Set(versions.map(\.number)) }
      let states = versions.filter { !$0.isDeletion }
      kept.formUnion(states.suffix(max(1, last ?? 1)).map(\.number))
      for end in ends(before: now) {
        if let version = Self.current(justBefore: end, versions) { kept.insert(version) }
      }
    }
    if let everythingFor {
      for (index, version) in versions.enumerated() where !version.isDeletion {
        let isCurrentStill = index == versions.count - 1
        if isCurrentStill || now - versions[index + 1].at < everythingFor { kept.insert(version.number) }
      }
    }
    for (index, version) in versions.enumerated() where version.isDeletion && index > 0 {
      if kept.contains(versions[index - 1].number) { kept.insert(version.number) }
    }
    return kept
  }

  /// The version that was current just before a moment; `nil` when the document did not exist then.
  private static func current(justBefore moment: Timestamp, _ versions: [RetainedVersion]) -> Int? {
    var low = 0
    var high = versions.count
    while low < high {
      let middle = (low + high) / 2
      if versions[middle].at < moment { low = middle + 1 } else { high = middle }
    }
    guard low > 0, !versions[low - 1].isDeletion else { return nil }
    return versions[low - 1].number
  }

  // MARK: Calendar

  private static let dayNanoseconds: Int64 = 86_400_000_000_000

  /// The ends of the days, weeks and months that are asked for, all at or before now.
  private func ends(before now: Timestamp) -> [Timestamp] {
    let (quotient, remainder) = now.nanoseconds.quotientAndRemainder(dividingBy: Self.dayNanoseconds)
    let today = remainder < 0 ? quotient - 1 : quotient
    var ends: [Timestamp] = []
    for back in 0..<Int64(days ?? 0) { ends.append(Self.start(ofDay: today - back)) }
    // 1970-01-01 was a Thursday, three days after a Monday.
    let sinceMonday = ((today + 3) % 7 + 7) % 7
    for back in 0..<Int64(weeks ?? 0) { ends.append(Self.start(ofDay: today - sinceMonday - 7 * back)) }
    ends += Self.startsOfMonths(months ?? 0, before: now)
    return ends
  }

  private static func start(ofDay day: Int64) -> Timestamp { Timestamp(seconds: day * 86_400) }

  private static func startsOfMonths(_ count: Int, before now: Timestamp) -> [Timestamp] {
    let parts = now.description.split(separator: "-").prefix(2).compactMap { Int($0) }
    guard parts.count == 2 else { return [] }
    let newest = parts[0] * 12 + parts[1] - 1
    return (0..<count).compactMap { back in
      let (year, month) = (newest - back).quotientAndRemainder(dividingBy: 12)
      func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
      }
      return Timestamp("\(padded(year, 4))-\(padded(month + 1, 2))-01")
    }
  }
}
