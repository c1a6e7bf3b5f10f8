import FreshetModel
import FreshetSync
import FreshetTestKit
import Testing

/// The rules of retention, by data and against a second implementation that goes through moments one by one.
@Suite struct RetentionPolicyTests {
  /// A document's changes by the hours at which they were made; a negative one is a deletion.
  private static func versions(_ times: [String]) throws -> [RetainedVersion] {
    try times.enumerated().map { index, text in
      let isDeletion = text.hasPrefix("-")
      let time = try #require(Timestamp(isDeletion ? String(text.dropFirst()) : text))
      return RetainedVersion(number: index + 1, at: time, isDeletion: isDeletion)
    }
  }

  struct Case: Sendable, CustomStringConvertible {
    var description: String
    var policy: RetentionPolicy
    var now = "2026-03-18T12:00"
    var kept: Set<Int>

    init(_ description: String, now: String? = nil, keeps kept: Set<Int>, _ change: (inout RetentionPolicy) -> Void) {
      self.description = description
      if let now { self.now = now }
      self.kept = kept
      policy = RetentionPolicy()
      change(&policy)
    }
  }

  /// 2026-03-18 is a Wednesday.
  private static let life = [
    "2025-11-20", "2026-01-05", "2026-01-31T23:59", "2026-02-10", "2026-03-02T08:00", "2026-03-15T10:00",
    "2026-03-16T09:00", "2026-03-16T18:00", "2026-03-18T01:00", "2026-03-18T11:00",
  ]

  static let live: [Case] = [
    Case("no rule keeps everything", keeps: Set(1...10)) { _ in },
    Case("a time for deleted documents alone lets nothing of a live one go", keeps: Set(1...10)) {
      $0.deletedFor = .seconds(1)
    },
    Case("the newest", keeps: [10]) { $0.last = 1 },
    Case("the newest three", keeps: [8, 9, 10]) { $0.last = 3 },
    Case("more than there are", keeps: Set(1...10)) { $0.last = 99 },
    Case("what was current within two hours", keeps: [9, 10]) { $0.everythingFor = .seconds(7200) },
    Case("what ended when the time began is not within it", keeps: [10]) { $0.everythingFor = .seconds(3600) },
    Case("what ended just after is", keeps: [9, 10]) { $0.everythingFor = .seconds(3600) + .nanoseconds(1) },
    Case("what was current within two days", keeps: [7, 8, 9, 10]) { $0.everythingFor = .seconds(2 * 86_400) },
    Case("the ends of three days: of the 17th, 16th and 15th", keeps: [6, 8, 10]) { $0.days = 3 },
    Case("a version that was current at no end of a day goes", keeps: [10, 8]) { $0.days = 2 },
    Case("the ends of three weeks: Sunday the 15th, 8th and 1st of March", keeps: [4, 5, 6, 10]) { $0.weeks = 3 },
    Case("the ends of four months: of February, January, December, November", keeps: [1, 3, 4, 10]) { $0.months = 4 },
    Case("months before the document was there keep nothing", keeps: [1, 3, 4, 10]) { $0.months = 40 },
    Case("rules add up", keeps: [3, 4, 8, 9, 10]) {
      $0.last = 2
      $0.days = 1
      $0.months = 2
    },
  ]

  @Test(arguments: live) func aLiveDocumentKeepsWhatAnyRuleKeeps(_ sample: Case) throws {
    let versions = try Self.versions(Self.life)
    let now = try #require(Timestamp(sample.now))
    #expect(sample.policy.versionsToKeep(versions, now: now) == sample.kept)
  }

  static let deleted: [Case] = [
    Case("no rule keeps everything", keeps: [1, 2, 3, 4]) { _ in },
    Case("the last version before the deletion counts as the newest", keeps: [3, 4]) { $0.last = 1 },
    Case("a deletion is not a version to keep", keeps: [2, 3, 4]) { $0.last = 2 },
    Case("the last version is kept for ever by default", now: "2036-01-01", keeps: [3, 4]) { $0.days = 1 },
    Case("before its time is over it is as any other", keeps: [3, 4]) {
      $0.last = 1
      $0.deletedFor = .seconds(9 * 86_400)
    },
    Case("after its time nothing is kept", now: "2026-03-19", keeps: []) {
      $0.last = 5
      $0.deletedFor = .seconds(9 * 86_400)
    },
    Case("after its time nothing is kept, also without another rule", now: "2026-03-19", keeps: []) {
      $0.deletedFor = .seconds(9 * 86_400)
    },
    Case("what was current within a time is kept in any case", now: "2026-03-19", keeps: [3, 4]) {
      $0.everythingFor = .seconds(10 * 86_400)
      $0.deletedFor = .seconds(86_400)
    },
    Case("at the end of a day on which it was deleted nothing was current", now: "2026-03-11", keeps: [3, 4]) {
      $0.days = 1
    },
  ]

  @Test(arguments: deleted) func aDeletedDocumentKeepsWhatItsTimeAllows(_ sample: Case) throws {
    let versions = try Self.versions(["2026-03-01", "2026-03-02", "2026-03-05", "-2026-03-10"])
    let now = try #require(Timestamp(sample.now))
    #expect(sample.policy.versionsToKeep(versions, now: now) == sample.kept)
  }

  @Test func aRestoredDocumentHasAGapInWhichNothingWasCurrent() throws {
    let versions = try Self.versions(["2026-03-01", "-2026-03-05", "2026-03-10", "2026-03-12"])
    var policy = RetentionPolicy()
    policy.days = 30
    let now = try #require(Timestamp("2026-03-13"))
    #expect(policy.versionsToKeep(versions, now: now) == [1, 2, 3, 4])
    policy.days = 2
    #expect(policy.versionsToKeep(versions, now: now) == [3, 4])
  }

  @Test func versionsOfOneMomentAreNeverCurrentButTheLast() throws {
    let versions = try Self.versions(["2026-03-01", "2026-03-01", "2026-03-01"])
    var policy = RetentionPolicy()
    policy.days = 40
    #expect(policy.versionsToKeep(versions, now: try #require(Timestamp("2026-03-13"))) == [3])
    #expect(policy.versionsToKeep([], now: .epoch) == [])
  }

  // MARK: Against moments one by one

  private static func random(_ random: inout SeededRandom) -> (policy: RetentionPolicy, versions: [RetainedVersion]) {
    var policy = RetentionPolicy()
    func perhaps<Value>(_ value: Value) -> Value? { Bool.random(using: &random) ? value : nil }
    policy.last = perhaps(Int.random(in: 1...5, using: &random))
    policy.days = perhaps(Int.random(in: 1...10, using: &random))
    policy.weeks = perhaps(Int.random(in: 1...5, using: &random))
    policy.months = perhaps(Int.random(in: 1...4, using: &random))
    policy.everythingFor = perhaps(.seconds(Int.random(in: 1...900_000, using: &random)))
    policy.deletedFor = perhaps(.seconds(Int.random(in: 1...3_000_000, using: &random)))
    var time: Int64 = 1_760_000_000
    var isLive = false
    let versions = (1...Int.random(in: 1...60, using: &random)).map { number in
      time += Int64.random(in: 0...9, using: &random) * Int64.random(in: 0...60_000, using: &random)
      let isDeletion = isLive && Int.random(in: 0..<6, using: &random) == 0
      isLive = !isDeletion
      return RetainedVersion(number: number, at: Timestamp(seconds: time), isDeletion: isDeletion)
    }
    return (policy, versions)
  }

  /// The same by going through every second hour, day by day.
  private static func expected(_ policy: RetentionPolicy, _ versions: [RetainedVersion], _ now: Timestamp) -> Set<Int> {
    func current(before moment: Int64) -> Int? {
      let last = versions.last { $0.at.nanoseconds < moment }
      return last.flatMap { $0.isDeletion ? nil : $0.number }
    }
    let day: Int64 = 86_400_000_000_000
    let midnight = now.nanoseconds / day * day
    let isDeleted = versions.last?.isDeletion == true
    let isOver = isDeleted && policy.deletedFor.map { now - versions[versions.count - 1].at >= $0 } ?? false
    var kept: Set<Int> = []
    if !isOver {
      if [policy.last, policy.days, policy.weeks, policy.months].allSatisfy({ $0 == nil }), policy.everythingFor == nil
      {
        return Set(versions.map(\.number))
      }
      let states = versions.filter { !$0.isDeletion }.map(\.number)
      kept.formUnion(states.suffix(policy.last ?? 1))
      var (days, weeks, months) = (policy.days ?? 0, policy.weeks ?? 0, policy.months ?? 0)
      var end = midnight
      while days + weeks + months > 0, end > 0 {
        let date = Timestamp(nanoseconds: end).description
        var wanted = days > 0
        days -= days > 0 ? 1 : 0
        // 2024-01-01 was a Monday.
        if (end / day - 19_723) % 7 == 0, weeks > 0 { (wanted, weeks) = (true, weeks - 1) }
        if date.dropFirst(8).hasPrefix("01"), months > 0 { (wanted, months) = (true, months - 1) }
        if wanted, let version = current(before: end) { kept.insert(version) }
        end -= day
      }
    }
    if let time = policy.everythingFor {
      for (index, version) in versions.enumerated() where !version.isDeletion {
        let end = index + 1 < versions.count ? versions[index + 1].at : nil
        if end.map({ now - $0 < time }) ?? true { kept.insert(version.number) }
      }
    }
    for index in versions.indices.dropFirst() where versions[index].isDeletion {
      if kept.contains(versions[index - 1].number) { kept.insert(versions[index].number) }
    }
    return kept
  }

  @Test(arguments: [1, 2, 3, 4]) func randomRulesKeepWhatMomentsOneByOneSay(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for round in 0..<400 {
      let (policy, versions) = Self.random(&random)
      let last = versions[versions.count - 1].at
      let now = Timestamp(nanoseconds: last.nanoseconds + Int64.random(in: 0...9_000_000_000_000_000, using: &random))
      let kept = policy.versionsToKeep(versions, now: now)
      #expect(kept == Self.expected(policy, versions, now), "seed \(seed), round \(round): \(policy)")
      if versions.last?.isDeletion == false { #expect(kept.contains(versions.count)) }
    }
  }

  /// What was let go once is never wanted back, however the document went on meanwhile; but for one that comes back after
  /// the time of deleted documents.
  @Test(arguments: [5, 6, 7]) func whatIsLetGoIsNeverWantedLater(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for round in 0..<200 {
      var (policy, versions) = Self.random(&random)
      policy.deletedFor = nil
      if versions.last?.isDeletion == true { versions.removeLast() }
      var gone: Set<Int> = []
      for count in 1...versions.count {
        let known = Array(versions[..<count])
        let from = known[count - 1].at.nanoseconds
        let to = count < versions.count ? versions[count].at.nanoseconds : from + 5_000_000_000_000_000
        let now = Timestamp(nanoseconds: Int64.random(in: from...max(from, to), using: &random))
        let kept = policy.versionsToKeep(known, now: now)
        #expect(kept.isDisjoint(with: gone), "seed \(seed), round \(round): \(policy)")
        gone.formUnion(Set(1...count).subtracting(kept))
      }
    }
  }
}
