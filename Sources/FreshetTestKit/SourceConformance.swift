import FreshetModel

/// What every source must do, checked through the protocol alone.
///
/// A source joins with a `Place` that it reads from and the checks change; each check throws a `Violation` that says what
/// did not hold.
public struct SourceConformance: Sendable {
  /// What did not hold.
  public struct Violation: Error, CustomStringConvertible {
    public let description: String
  }

  /// Where the source's items are, empty at first.
  public struct Place: Sendable {
    let source: any Source
    let write: @Sendable (_ path: [UInt8], _ bytes: [UInt8]) async throws -> Void
    let remove: @Sendable (_ path: [UInt8]) async throws -> Void
    let takeAway: (@Sendable () async throws -> Void)?

    /// - Parameters:
    ///   - source: reads from the place; every written path is one of its items.
    ///   - write: makes or replaces an item, with the folders above it.
    ///   - remove: removes an item.
    ///   - takeAway: makes the whole place impossible to reach, for the rest of the check; `nil` when it cannot be.
    public init(
      source: any Source,
      write: @escaping @Sendable (_ path: [UInt8], _ bytes: [UInt8]) async throws -> Void,
      remove: @escaping @Sendable (_ path: [UInt8]) async throws -> Void,
      takeAway: (@Sendable () async throws -> Void)? = nil
    ) {
      self.source = source
      self.write = write
      self.remove = remove
      self.takeAway = takeAway
    }
  }

  /// A named check.
  public struct Check: Sendable, CustomStringConvertible {
    /// What must hold.
    public let name: String
    let body: @Sendable (SourceConformance, Place) async throws -> Void

    public var description: String { name }

    /// Runs it on a source.
    ///
    /// - Throws: `Violation`, with the seed that repeats it; what the place throws.
    public func run(on conformance: SourceConformance) async throws {
      do {
        try await body(conformance, conformance.make())
      } catch let violation as Violation {
        throw Violation(description: "\(name): \(violation.description) (seed \(conformance.seed))")
      }
    }
  }

  let make: @Sendable () async throws -> Place
  let seed: UInt64

  /// Takes a source: how an empty place with its source is made. A seed repeats a run.
  public init(seed: UInt64, make: @escaping @Sendable () async throws -> Place) {
    self.seed = seed
    self.make = make
  }

  /// Every check.
  public static let checks: [Check] = [
    Check(name: "an empty source lists nothing and stays finished") { try await $0.emptyListsNothing($1) },
    Check(name: "a listing has every item once, in the order of the paths' bytes") { try await $0.listsInOrder($1) },
    Check(name: "fetching gives the bytes and the listed fingerprint") { try await $0.fetches($1) },
    Check(name: "a fingerprint stays while nothing changes, and moves with the content") {
      try await $0.fingerprints($1)
    },
    Check(name: "what is removed is gone from listing and fetch, and vanished") { try await $0.removes($1) },
    Check(name: "what is there is never judged vanished") { try await $0.keepsPresent($1) },
    Check(name: "a listing of named paths is the whole listing filtered") { try await $0.listsNamed($1) },
    Check(name: "a path that leads out is refused") { try await $0.refusesOutside($1) },
    Check(name: "origins and addresses are stable and tell items apart") { try await $0.namesItems($1) },
    Check(name: "two listings at once do not disturb each other") { try await $0.listsTwice($1) },
    Check(name: "a cancelled listing ends with CancellationError") { try await $0.cancels($1) },
    Check(name: "a source out of reach is unavailable, and nothing of it vanished") { try await $0.unreachable($1) },
  ]

  private func check(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
    if !condition { throw Violation(description: sentence()) }
  }

  private func list(_ source: any Source, _ paths: [[UInt8]] = []) async throws -> [ListedItem] {
    let listing = try await source.listing(of: paths)
    var items: [ListedItem] = []
    while let batch = try await listing.next() {
      items += batch.items
      if let problem = batch.problems.first {
        throw Violation(description: "the listing reports “\(problem.error)”, and nothing is wrong")
      }
    }
    return items
  }

  /// Paths in folders, some of which are prefixes of others, and their contents.
  private func fill(_ place: Place, count: Int = 60) async throws -> [[UInt8]: [UInt8]] {
    var random = SeededRandom(seed: seed)
    let names = ["a", "a0", "a.txt", "a b", "B", "ä", "日本", "z-z", "nested"]
    var contents: [[UInt8]: [UInt8]] = [:]
    for number in 0..<count {
      let folders = (0..<Int.random(in: 0...3, using: &random)).map { _ in "d" + pick(names, &random) }
      let name = pick(names, &random) + "\(number).md"
      let path = Array((folders + [name]).joined(separator: "/").utf8)
      let bytes = (0..<Int.random(in: 0...2_000, using: &random)).map { _ in
        UInt8.random(in: 32...126, using: &random)
      }
      contents[path] = bytes
      try await place.write(path, bytes)
    }
    return contents
  }

  private func sorted(_ paths: some Sequence<[UInt8]>) -> [[UInt8]] {
    paths.sorted { $0.lexicographicallyPrecedes($1) }
  }

  private func pick<Element>(_ elements: [Element], _ random: inout SeededRandom) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &random)]
  }

  private func text(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }

  // MARK: Listing

  private func emptyListsNothing(_ place: Place) async throws {
    let listing = try await place.source.listing(of: [])
    while let batch = try await listing.next() {
      try check(batch.items.isEmpty, "it lists \(batch.items.count) items")
    }
    try check(try await listing.next() == nil, "it goes on after its end")
    try check(!listing.rootIdentity.isEmpty, "the root has no identity")
  }

  private func listsInOrder(_ place: Place) async throws {
    let contents = try await fill(place, count: 300)
    let paths = try await list(place.source).map(\.path)
    try check(zip(paths, paths.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }, "it is out of order")
    try check(paths == sorted(contents.keys), "it lists \(paths.count) items, and \(contents.count) are there")
  }

  private func listsNamed(_ place: Place) async throws {
    let contents = try await fill(place)
    let whole = try await list(place.source).map(\.path)
    var random = SeededRandom(seed: seed &+ 1)
    let folders = Set(
      contents.keys.flatMap { path in
        path.indices.filter { path[$0] == UInt8(ascii: "/") }.map { Array(path[..<$0]) }
      }
    )
    let candidates = sorted(contents.keys) + sorted(folders) + [Array("absent".utf8), Array("absent/too".utf8)]
    for _ in 0..<25 {
      let named = (0..<Int.random(in: 1...4, using: &random)).map { _ in pick(candidates, &random) }
      let found = try await list(place.source, named).map(\.path)
      let expected = whole.filter { path in named.contains { Self.covers($0, path) } }
      try check(
        found == expected,
        "\(named.map(text)) gives \(found.map(text)), and the whole listing has \(expected.map(text)) there"
      )
    }
  }

  private static func covers(_ folder: [UInt8], _ path: [UInt8]) -> Bool {
    path == folder || path.starts(with: folder + [UInt8(ascii: "/")])
  }

  private func refusesOutside(_ place: Place) async throws {
    for path in ["..", "a/../../b", "/etc"] {
      do {
        _ = try await place.source.listing(of: [Array(path.utf8)])
      } catch let error as FreshetError {
        try check(error.code == .invalidArgument, "“\(path)” is refused with \(error.code.rawValue)")
        continue
      }
      throw Violation(description: "“\(path)” is listed")
    }
  }

  private func listsTwice(_ place: Place) async throws {
    let contents = try await fill(place)
    let (left, right) = (try await place.source.listing(of: []), try await place.source.listing(of: []))
    var counts = (0, 0)
    var ended = (false, false)
    while !ended.0 || !ended.1 {
      if let batch = try await left.next() { counts.0 += batch.items.count } else { ended.0 = true }
      if let batch = try await right.next() { counts.1 += batch.items.count } else { ended.1 = true }
    }
    try check(counts == (contents.count, contents.count), "they list \(counts), and \(contents.count) are there")
    try check(left.rootIdentity == right.rootIdentity, "the root has two identities")
  }

  private func cancels(_ place: Place) async throws {
    _ = try await fill(place)
    let source = place.source
    let cancelled = Task {
      let listing = try await source.listing(of: [])
      withUnsafeCurrentTask { $0?.cancel() }
      while try await listing.next() != nil {}
    }
    guard case .failure(let error) = await cancelled.result else {
      throw Violation(description: "it goes on to its end")
    }
    try check(error is CancellationError, "it throws \(error)")
  }

  // MARK: Items

  private func fetches(_ place: Place) async throws {
    let contents = try await fill(place)
    for item in try await list(place.source) {
      let fetched = try await place.source.fetch(item)
      try check(fetched.bytes == contents[item.path], "\(text(item.path)) has other bytes")
      try check(fetched.fingerprint == item.fingerprint, "\(text(item.path)) has another fingerprint when it is read")
    }
  }

  private func fingerprints(_ place: Place) async throws {
    let contents = try await fill(place)
    let (first, second) = (try await list(place.source), try await list(place.source))
    try check(first.map(\.fingerprint) == second.map(\.fingerprint), "they move though nothing changed")
    for item in first.prefix(10) {
      try await place.write(item.path, (contents[item.path] ?? []) + [UInt8(ascii: "!")])
      let later = try await list(place.source, [item.path])
      try check(later.count == 1 && later[0].fingerprint != item.fingerprint, "\(text(item.path)) grew unseen")
    }
  }

  private func removes(_ place: Place) async throws {
    _ = try await fill(place)
    let items = try await list(place.source)
    for item in items.prefix(10) {
      try await place.remove(item.path)
      guard case .vanished = await place.source.absence(of: item.path, fingerprint: item.fingerprint) else {
        throw Violation(description: "\(text(item.path)) was removed and is not judged vanished")
      }
      do {
        _ = try await place.source.fetch(item)
      } catch let error as FreshetError {
        try check(error.code == .notFound, "fetching \(text(item.path)) fails with \(error.code.rawValue)")
        continue
      }
      throw Violation(description: "\(text(item.path)) was removed and can be fetched")
    }
    let left = try await list(place.source).map(\.path)
    try check(left == items.dropFirst(10).map(\.path), "the listing is not what is left")
  }

  private func keepsPresent(_ place: Place) async throws {
    _ = try await fill(place)
    for item in try await list(place.source) {
      if case .unknown = await place.source.absence(of: item.path, fingerprint: item.fingerprint) { continue }
      throw Violation(description: "\(text(item.path)) is there and counts as absent")
    }
  }

  private func namesItems(_ place: Place) async throws {
    let contents = try await fill(place)
    let origins = contents.keys.map { place.source.origin(of: $0) }
    try check(Set(origins).count == contents.count, "two items have one origin")
    try check(Set(origins.map { place.source.uri(of: $0) }).count == contents.count, "two origins have one address")
    try check(origins == contents.keys.map { place.source.origin(of: $0) }, "an origin changes between two questions")
    let fingerprint = place.source.configurationFingerprint
    try check(
      !fingerprint.isEmpty && fingerprint == place.source.configurationFingerprint,
      "the rules have no fingerprint"
    )
  }

  private func unreachable(_ place: Place) async throws {
    guard let takeAway = place.takeAway else { return }
    _ = try await fill(place)
    let items = try await list(place.source)
    try await takeAway()
    for item in items {
      guard case .unknown = await place.source.absence(of: item.path, fingerprint: item.fingerprint) else {
        throw Violation(description: "\(text(item.path)) counts as absent though nothing can be seen")
      }
    }
    do {
      let listing = try await place.source.listing(of: [])
      while try await listing.next() != nil {}
    } catch let error as FreshetError {
      return try check(error.code == .sourceUnavailable, "the listing fails with \(error.code.rawValue)")
    }
    throw Violation(description: "the listing ends as if the source were empty")
  }
}
