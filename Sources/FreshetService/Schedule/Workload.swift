import FreshetModel

/// What a live service has to do, in the order in which it is done: a pure value, without clock or input.
///
/// ```
/// saved files ────────────▶ fresh ──┐
/// a source's new files ───▶ load ───┼─▶ next unit
/// sources to go through ──▶ whole ──┘
/// ```
///
/// Fresh paths come before everything, so that a saved file overtakes a load of thousands. A unit that was stopped on the
/// way is put back; doing it again costs only what is not done.
struct Workload {
  /// One sync's share of the work.
  enum Unit: Equatable, Sendable {
    /// Paths that changed a moment ago, by source.
    case fresh([String: [[UInt8]]])
    /// Files of a source that were found by its listing.
    case load(source: String, [[UInt8]])
    /// A whole source, by one run: only that tells renames from deletions.
    case whole(source: String)
    /// A source that is listed, to learn what of the others is needed.
    case survey(source: String)
    /// All sources by one run, and what is of none any more.
    case everything
    /// What could not be embedded, because nobody answered: a trial first.
    case vectors

    /// The source that it goes through as a whole; empty for all of them.
    var wholeSource: String? {
      switch self {
      case .whole(let source): source
      case .everything: ""
      case .fresh, .load, .survey, .vectors: nil
      }
    }
  }

  /// Paths of one fresh unit at most; the others follow in the next.
  static let freshMax = 1_024

  private var fresh: [String: Set<[UInt8]>] = [:]
  private var loads: [(source: String, paths: ArraySlice<[UInt8]>)] = []
  private var wholes: [String] = []
  private var surveys: [String] = []
  private var needsEverything = false
  private var needsVectors = false

  /// Whether there is nothing to do.
  var isEmpty: Bool {
    fresh.isEmpty && loads.isEmpty && wholes.isEmpty && surveys.isEmpty && !needsEverything && !needsVectors
  }

  /// Whether something is to be done that must not wait.
  var isUrgent: Bool { !fresh.isEmpty }

  /// Paths and files that wait.
  var waiting: Int {
    fresh.values.reduce(0) { $0 + $1.count } + loads.reduce(0) { $0 + $1.paths.count } + wholes.count + surveys.count
      + (needsEverything ? 1 : 0) + (needsVectors ? 1 : 0)
  }

  /// Files that are still to be loaded.
  var loading: Int { loads.reduce(0) { $0 + $1.paths.count } }

  /// Adds paths that changed.
  mutating func add(fresh paths: some Sequence<[UInt8]>, of source: String) {
    // The root itself is the whole source.
    for path in paths {
      if path.isEmpty { survey(source) } else { fresh[source, default: []].insert(path) }
    }
  }

  /// Adds files that a survey found: all that the source needs, so what was left of an earlier load goes.
  mutating func add(load paths: [[UInt8]], of source: String) {
    guard !paths.isEmpty else { return }
    loads.removeAll { $0.source == source }
    loads.append((source, paths[...]))
  }

  /// Adds a file that is tried again.
  mutating func add(again path: [UInt8], of source: String) {
    if let place = loads.firstIndex(where: { $0.source == source }) {
      loads[place].paths.append(path)
    } else {
      loads.append((source, [path]))
    }
  }

  /// Asks for a run over a whole source, which does what a load of it would.
  ///
  /// - Parameter afterLoad: whether its load, which can be interrupted better, comes before.
  mutating func add(whole source: String, afterLoad: Bool = false) {
    if !afterLoad { loads.removeAll { $0.source == source } }
    if !wholes.contains(source) { wholes.append(source) }
  }

  /// Asks for a run over everything, which comes last.
  mutating func addEverything() { needsEverything = true }

  /// Asks for what waits for an embedder, which comes before what is found by listings.
  mutating func addVectors() { needsVectors = true }

  /// Asks for a source's listing.
  mutating func survey(_ source: String) {
    if !surveys.contains(source) { surveys.append(source) }
  }

  /// Takes the next unit out.
  ///
  /// - Parameter loadSize: files of a load's unit at most.
  mutating func next(loadSize: Int) -> Unit? {
    if !fresh.isEmpty { return .fresh(takeFresh()) }
    if needsVectors {
      needsVectors = false
      return .vectors
    }
    if !surveys.isEmpty { return .survey(source: surveys.removeFirst()) }
    if let load = loads.first {
      let paths = load.paths.prefix(max(1, loadSize))
      if paths.count == load.paths.count {
        loads.removeFirst()
      } else {
        loads[0].paths.removeFirst(paths.count)
      }
      return .load(source: load.source, Array(paths))
    }
    if !wholes.isEmpty { return .whole(source: wholes.removeFirst()) }
    defer { needsEverything = false }
    return needsEverything ? .everything : nil
  }

  /// Puts a unit back that was stopped on the way, before everything of its kind.
  mutating func putBack(_ unit: Unit) {
    switch unit {
    case .fresh(let paths): for (source, paths) in paths { add(fresh: paths, of: source) }
    case .load(let source, let paths):
      if let place = loads.firstIndex(where: { $0.source == source }) {
        loads[place].paths = paths + loads[place].paths
      } else if !surveys.contains(source) {
        loads.insert((source, paths[...]), at: 0)
      }
    case .whole(let source): if !wholes.contains(source) { wholes.insert(source, at: 0) }
    case .survey(let source): survey(source)
    case .everything: needsEverything = true
    case .vectors: needsVectors = true
    }
  }

  /// Forgets what is of sources that are no longer configured.
  mutating func keep(only sources: Set<String>) {
    fresh = fresh.filter { sources.contains($0.key) }
    loads.removeAll { !sources.contains($0.source) }
    wholes.removeAll { !sources.contains($0) }
    surveys.removeAll { !sources.contains($0) }
  }

  private mutating func takeFresh() -> [String: [[UInt8]]] {
    var taken: [String: [[UInt8]]] = [:]
    var room = Self.freshMax
    for source in fresh.keys.sorted() where room > 0 {
      guard let paths = fresh[source] else { continue }
      // Both ends of a rename stand in one release, and releases are never split as long as they fit.
      let share = paths.count <= room ? Array(paths) : Array(paths.prefix(room))
      room -= share.count
      taken[source] = share.sorted { $0.lexicographicallyPrecedes($1) }
      fresh[source]?.subtract(share)
      if fresh[source]?.isEmpty == true { fresh[source] = nil }
    }
    return taken
  }
}
