import FreshetModel
import FreshetSystem

/// Lists folders of a source again and again, and says what is different from the time before. For one thread.
struct TreePoller: ~Copyable {
  /// What a pass found.
  struct Pass {
    var events: [WatchEvent] = []
    var files = 0
    var bytes = 0
    /// The root could be listed.
    var isListed = true
  }

  private let source: DirectorySource
  private var snapshot = PollingSnapshot()
  /// The folders that the snapshot is of.
  private var folders: [[UInt8]] = []
  /// Files that were different in the last pass: one that is the same in the next is not being written.
  private var changed: Set<[UInt8]> = []
  /// Paths to look at once more when nothing changes any more: who looked at them while names came and went may have seen
  /// what was so between two passes alone.
  private var unsure: Set<[UInt8]> = []
  /// As `unsure`: folders that came to be polled, or hold too many such paths.
  private var unsureFolders: Set<[UInt8]> = []
  private let changedMax: Int
  private var wasListed = true

  init(_ source: DirectorySource, _ options: WatchOptions) {
    self.source = source
    changedMax = options.pathsMax
  }

  /// Lists the folders and compares. Those that were not polled before are only taken in, and said to be lost as a whole:
  /// nobody knows what happened in them until now.
  ///
  /// - Parameters:
  ///   - fresh: folders that were not polled for a while since the last pass.
  ///   - stop: asked now and then; the pass ends early, and the next compares with the same one as this.
  mutating func pass(_ folders: [[UInt8]], fresh: Set<[UInt8]>, stop: () -> Bool) -> Pass? {
    guard !folders.isEmpty else {
      snapshot = PollingSnapshot()
      self.folders = []
      return Pass()
    }
    var comparison = Comparison(before: snapshot, folders: self.folders, changed: changed)
    do {
      // Opened for the pass alone: a root that is held open keeps its disk from being unmounted.
      let root = try DirectoryRoot(source.configuration)
      var walker = DirectoryWalker(
        root: root,
        configuration: source.configuration,
        scope: source.scope,
        clock: source.clock,
        focus: folders.contains([]) ? nil : folders
      )
      while let batch = try walker.next() {
        if stop() { return nil }
        for item in batch.items { comparison.take(PollingSnapshot.Entry(item)) }
        comparison.shielded += batch.problems.map(\.path)
      }
    } catch {
      // The root is not there. What was in it is compared when it is back.
      let events: [WatchEvent] = wasListed ? [.lost([])] : []
      wasListed = false
      return Pass(events: events, files: snapshot.count, bytes: snapshot.size, isListed: false)
    }
    comparison.finish()
    let new = Set(folders).subtracting(self.folders).union(fresh)
    var events = comparison.events + lookAgain(comparison, new) + new.map { .lost($0) }
    if !wasListed { events.append(.lost([])) }
    wasListed = true
    snapshot = comparison.after
    changed = comparison.changedNow.count > changedMax ? [] : comparison.changedNow
    self.folders = folders
    return Pass(events: events, files: snapshot.count, bytes: snapshot.size)
  }

  /// Nobody has looked at anything yet: what is found now needs no second look.
  mutating func begin() {
    (unsure, unsureFolders) = ([], [])
  }

  /// Remembers what came and went, and answers it as events in the first pass that finds no change.
  private mutating func lookAgain(_ comparison: borrowing Comparison, _ new: Set<[UInt8]>) -> [WatchEvent] {
    let isQuiet = comparison.changedNow.isEmpty && comparison.goneNow.isEmpty && new.isEmpty
    if isQuiet {
      defer { (unsure, unsureFolders) = ([], []) }
      return unsureFolders.map { .lost($0) } + unsure.map { .attributes($0, isFolder: false) }
    }
    unsureFolders.formUnion(new)
    if comparison.hasNewNames || !comparison.goneNow.isEmpty {
      unsure.formUnion(comparison.changedNow)
      unsure.formUnion(comparison.goneNow)
      if unsure.count > changedMax { (unsure, unsureFolders) = ([], [[]]) }
    }
    return []
  }
}

/// Compares a listing with the one before, both in the order of their paths.
private struct Comparison {
  private var reader: PollingSnapshot.Reader
  private var old: PollingSnapshot.Entry?
  private let folders: Set<[UInt8]>
  private let changed: Set<[UInt8]>
  private var missing: [PollingSnapshot.Entry] = []
  private(set) var goneNow: [[UInt8]] = []
  /// New paths by the file that they name.
  private var came: [UInt64: [UInt8]] = [:]
  var hasNewNames: Bool { !came.isEmpty }
  private(set) var after = PollingSnapshot()
  private(set) var events: [WatchEvent] = []
  private(set) var changedNow: Set<[UInt8]> = []
  /// Folders and files that could not be seen: what was in them is taken to be there.
  var shielded: [[UInt8]] = []

  init(before: PollingSnapshot, folders: [[UInt8]], changed: Set<[UInt8]>) {
    reader = PollingSnapshot.Reader(before)
    self.folders = Set(folders)
    self.changed = changed
    old = reader.next()
  }

  mutating func take(_ entry: PollingSnapshot.Entry) {
    after.append(entry)
    while let before = old, before.path.lexicographicallyPrecedes(entry.path) {
      missing.append(before)
      old = reader.next()
    }
    if let before = old, before.path == entry.path {
      old = reader.next()
      if before.hash != entry.hash {
        events.append(.modified(entry.path))
        changedNow.insert(entry.path)
      } else if changed.contains(entry.path) {
        events.append(.writers(entry.path, .none))
      }
    } else if isPolled(entry.path) {
      came[entry.file] = entry.path
      events.append(.created(entry.path, isFolder: false))
      changedNow.insert(entry.path)
    }
  }

  mutating func finish() {
    while let before = old {
      missing.append(before)
      old = reader.next()
    }
    let shield = Set(shielded)
    var kept: [PollingSnapshot.Entry] = []
    var cookie: UInt32 = 0
    for entry in missing {
      if shield.contains(entry.path) || entry.path.isBelow(anyOf: shield) {
        kept.append(entry)
      } else if let new = came[entry.file] {
        cookie += 1
        goneNow.append(entry.path)
        events.append(.movedFrom(entry.path, cookie: cookie, isFolder: false))
        events.append(.movedTo(new, cookie: cookie, isFolder: false))
        // It may have been written too.
        events.append(.modified(new))
      } else {
        events.append(.deleted(entry.path, isFolder: false))
        goneNow.append(entry.path)
      }
    }
    if !kept.isEmpty { merge(kept) }
    after.close()
  }

  /// Whether the path was looked at in the pass before.
  private func isPolled(_ path: [UInt8]) -> Bool { folders.contains(path) || path.isBelow(anyOf: folders) }

  private mutating func merge(_ kept: [PollingSnapshot.Entry]) {
    var found = PollingSnapshot.Reader(after)
    var merged = PollingSnapshot()
    var rest = kept[...]
    while let entry = found.next() {
      while let first = rest.first, first.path.lexicographicallyPrecedes(entry.path) {
        merged.append(first)
        rest = rest.dropFirst()
      }
      merged.append(entry)
    }
    for entry in rest { merged.append(entry) }
    after = merged
  }
}
