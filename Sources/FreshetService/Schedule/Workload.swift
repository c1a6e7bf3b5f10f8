/// What a live service has to do, in the order in which it is done: a pure value, without clock or input.
///
/// ```
/// saved files ────────────────────────────▶ fresh ──┐
/// folders, many files at once ▶ trees ─┬──▶ moved ──┤
/// sources to go through ──▶ survey ────┼──▶ load  ──┼─▶ next unit
///                                      └──▶ whole ──┘
/// ```
///
/// Fresh paths come before everything, the last saved first, so that a saved file overtakes thousands. Trees and sources are
/// listed, which is quick; what that finds is loaded a few files at a time, or, where files are missing too, done by one run:
/// only that tells renames from deletions. A unit that was stopped on the way is put back; doing it again costs only what is
/// not done.
struct Workload {
  /// One sync's share of the work.
  enum Unit: Equatable, Sendable {
    /// Paths that changed a moment ago, by source.
    case fresh([String: [[UInt8]]])
    /// Paths that are listed, to learn what of `moved` and `load` they need.
    case trees(source: String, [[UInt8]])
    /// Paths below which files are missing, by one run.
    case moved(source: String, [[UInt8]])
    /// A source that is listed, to learn what of `load` and `whole` it needs.
    case survey(source: String)
    /// Files of a source that were found by a listing.
    case load(source: String, [[UInt8]])
    /// A whole source, by one run.
    case whole(source: String)
    /// All sources by one run, and what is of none any more.
    case everything
    /// What could not be embedded, because nobody answered: a trial first.
    case vectors

    /// What is listed anew when the unit was interrupted: a source's name, or the empty one for all; `nil` for units that
    /// go on where they were.
    var relisted: String? {
      switch self {
      case .moved(let source, _), .whole(let source): source
      case .everything: ""
      case .fresh, .trees, .survey, .load, .vectors: nil
      }
    }
  }

  /// Files of a release that are taken up before everything else at most; more are no file that somebody saved.
  static let freshReleaseMax = 32
  /// Paths that wait to be taken up before everything else at most; those that wait longest are listed then.
  static let freshMax = 1_024

  /// What settled together, of which both ends of a rename may be: never split.
  private struct Saved {
    var source: String
    var paths: Set<[UInt8]>
  }

  /// Whether saved files are taken up one release after the other in the order in which they settled, for whoever wants one
  /// thing at a time; else the last saved come first, and as many at once as fit.
  var keepsOrder = false

  private var fresh: [Saved] = []
  private var trees: [String: Set<[UInt8]>] = [:]
  private var moved: [String: Set<[UInt8]>] = [:]
  private var loads: [(source: String, paths: ArraySlice<[UInt8]>)] = []
  private var wholes: [String] = []
  private var surveys: [String] = []
  private var needsEverything = false
  private var needsVectors = false
  /// The paths of `trees` or `moved` that were taken out last, until `finished` or `putBack`.
  private var underway: (source: String, paths: Set<[UInt8]>)?

  /// Whether there is nothing to do.
  var isEmpty: Bool {
    fresh.isEmpty && trees.isEmpty && moved.isEmpty && loads.isEmpty && wholes.isEmpty && surveys.isEmpty
      && !needsEverything && !needsVectors
  }

  /// Whether something is to be done that must not wait.
  var isUrgent: Bool { !fresh.isEmpty }

  /// Whether changes wait that were seen a moment ago.
  var hasChanges: Bool { !fresh.isEmpty || !trees.isEmpty || !moved.isEmpty }

  /// Paths and files that wait.
  var waiting: Int {
    fresh.reduce(0) { $0 + $1.paths.count } + trees.values.reduce(0) { $0 + $1.count }
      + moved.values.reduce(0) { $0 + $1.count } + loading + wholes.count + surveys.count
      + (needsEverything ? 1 : 0) + (needsVectors ? 1 : 0)
  }

  /// Files that are still to be loaded.
  var loading: Int { loads.reduce(0) { $0 + $1.paths.count } }

  // MARK: Adding

  /// Adds what settled together: files, and folders that stand for everything below them.
  mutating func add(
    files: some Swift.Collection<[UInt8]>,
    folders: some Swift.Collection<[UInt8]> = [],
    of source: String
  ) {
    // The root itself is the whole source.
    if files.contains([]) || folders.contains([]) { survey(source) }
    let files = Set(files.lazy.filter { !$0.isEmpty })
    let folders = folders.filter { !$0.isEmpty }
    guard folders.isEmpty, files.count <= Self.freshReleaseMax else {
      return add(trees: files.union(folders), of: source)
    }
    // What is listed later anyway is not taken out of it: a file that is renamed there would become another one.
    if files.contains(where: { isListed($0, of: source) }) { return add(trees: files, of: source) }
    add(fresh: files, of: source)
  }

  /// Whether a listing that waits, or is under way, sees the path.
  private func isListed(_ path: [UInt8], of source: String) -> Bool {
    [trees[source], moved[source], underway?.source == source ? underway?.paths : nil]
      .contains { $0.map { Self.covers($0, path) } ?? false }
  }

  private mutating func add(fresh files: Set<[UInt8]>, of source: String) {
    guard !files.isEmpty else { return }
    // What shares a path is done together: a rename's other end may be with the earlier.
    var saved = Saved(source: source, paths: files)
    fresh.removeAll { earlier in
      guard earlier.source == source, !earlier.paths.isDisjoint(with: files) else { return false }
      saved.paths.formUnion(earlier.paths)
      return true
    }
    fresh.append(saved)
    var count = fresh.reduce(0) { $0 + $1.paths.count }
    while count > Self.freshMax, fresh.count > 1 {
      let oldest = fresh.removeFirst()
      count -= oldest.paths.count
      add(trees: oldest.paths, of: oldest.source)
    }
  }

  private mutating func add(trees paths: Set<[UInt8]>, of source: String) {
    guard !paths.isEmpty else { return }
    // Files that wait alone and are below are seen by the listing.
    var paths = paths
    fresh.removeAll { saved in
      guard saved.source == source, saved.paths.contains(where: { Self.covers(paths, $0) }) else { return false }
      paths.formUnion(saved.paths)
      return true
    }
    trees[source, default: []].formUnion(paths)
  }

  /// Adds files that a listing of `trees` found.
  mutating func add(found files: [[UInt8]], of source: String) {
    if let place = loads.firstIndex(where: { $0.source == source }) {
      loads[place].paths += files
    } else if !files.isEmpty {
      loads.append((source, files[...]))
    }
  }

  /// Asks for a run over paths, as their listing found some to be missing.
  mutating func add(moved paths: [[UInt8]], of source: String) {
    moved[source, default: []].formUnion(paths)
  }

  /// Adds files that a survey found: all that the source needs, so what was left of an earlier load goes.
  mutating func add(load paths: [[UInt8]], of source: String) {
    guard !paths.isEmpty else { return }
    loads.removeAll { $0.source == source }
    loads.append((source, paths[...]))
  }

  /// Adds a file that is tried again.
  mutating func add(again path: [UInt8], of source: String) { add(found: [path], of: source) }

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

  // MARK: Taking out

  /// Takes the next unit out.
  ///
  /// - Parameters:
  ///   - freshSize: saved files of one unit at most, as far as they did not settle together.
  ///   - loadSize: files of a load's unit at most.
  mutating func next(freshSize: Int, loadSize: Int) -> Unit? {
    let unit = takeNext(freshSize: freshSize, loadSize: loadSize)
    underway =
      switch unit {
      case .trees(let source, let paths)?, .moved(let source, let paths)?: (source, Set(paths))
      default: nil
      }
    return unit
  }

  private mutating func takeNext(freshSize: Int, loadSize: Int) -> Unit? {
    if !fresh.isEmpty { return .fresh(takeFresh(freshSize)) }
    if let source = trees.keys.min(), let paths = trees.removeValue(forKey: source) {
      return .trees(source: source, Self.sorted(paths))
    }
    if let source = moved.keys.min(), let paths = moved.removeValue(forKey: source) {
      return .moved(source: source, Self.sorted(paths))
    }
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

  private mutating func takeFresh(_ size: Int) -> [String: [[UInt8]]] {
    if keepsOrder {
      let saved = fresh.removeFirst()
      return [saved.source: Self.sorted(saved.paths)]
    }
    var taken: [String: Set<[UInt8]>] = [:]
    var count = 0
    while let saved = fresh.last, count == 0 || count + saved.paths.count <= size {
      taken[saved.source, default: []].formUnion(saved.paths)
      count += saved.paths.count
      fresh.removeLast()
    }
    return taken.mapValues(Self.sorted)
  }

  /// The unit that was taken out last is done.
  mutating func finished() { underway = nil }

  /// Puts the unit back that was stopped on the way, before everything of its kind.
  mutating func putBack(_ unit: Unit) {
    underway = nil
    switch unit {
    case .fresh(let paths):
      for (source, paths) in paths { add(fresh: Set(paths), of: source) }
      if keepsOrder, let saved = fresh.popLast() { fresh.insert(saved, at: 0) }
    case .trees(let source, let paths): add(trees: Set(paths), of: source)
    case .moved(let source, let paths): moved[source, default: []].formUnion(paths)
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
    fresh.removeAll { !sources.contains($0.source) }
    trees = trees.filter { sources.contains($0.key) }
    moved = moved.filter { sources.contains($0.key) }
    loads.removeAll { !sources.contains($0.source) }
    wholes.removeAll { !sources.contains($0) }
    surveys.removeAll { !sources.contains($0) }
  }

  private static func sorted(_ paths: Set<[UInt8]>) -> [[UInt8]] {
    paths.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Whether one of the paths is the path, or a folder above it.
  static func covers(_ paths: Set<[UInt8]>, _ path: [UInt8]) -> Bool {
    guard !paths.isEmpty else { return false }
    if paths.contains(path) { return true }
    return path.indices.contains { path[$0] == UInt8(ascii: "/") && paths.contains(Array(path[..<$0])) }
  }
}
