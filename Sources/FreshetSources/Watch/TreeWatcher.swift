import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Watches the folders of a source and says what happens in them, under the paths that they have now. For one thread.
///
/// Between the system's events and the tree there is always a delay: when an event is read, what it is about may have moved
/// on. So whatever changes the tree (a folder that comes, moves, or loses its watch) leads to opening the real folder,
/// watching it, and only then reading what is in it. What came before the watch is in the listing, what comes after is in
/// the queue.
struct TreeWatcher: ~Copyable {
  /// A folder that was renamed, until its new name is read.
  struct Detached {
    let id: FolderTree.ID
    let cookie: UInt32
    let time: Duration
  }

  /// What the thread around has to hear.
  struct Outlet {
    let event: (WatchEvent) -> Void
    let problem: (WatchProblem) -> Void
    /// The folders that are to be polled have changed.
    let polling: (PolledFolders) -> Void
  }

  /// How long a renamed folder keeps its watches while its new name is not known. The system tells both names at once.
  static let detachedTime = Duration.milliseconds(500)

  let source: DirectorySource
  let options: WatchOptions
  let outlet: Outlet
  let queue: EventQueue?
  var tree = FolderTree()
  var rules: WatchRules
  var reader = FolderReader()
  var links = LinkTargets()
  /// Links whose ways are to be found anew, and the folders that they stand in.
  var changedLinks: [[UInt8]: FolderTree.ID] = [:]
  var detached: [Detached] = []
  var excluded: Set<FileIdentity>
  /// The root that is watched or polled; `nil` while it is not there.
  var rootIdentity: FileIdentity?
  /// Watches of the folders above the root whose ignore files hold in it.
  var enclosing: Set<Int32> = []
  var polled = PolledFolders()
  /// Events were lost: everything is to be gone through when the queue is empty.
  var needsWalk = false
  /// The root is to be looked at now.
  var needsRootCheck = false
  /// Folders whose ignore files changed.
  var changedRules: Set<FolderTree.ID> = []
  var overflows = 0
  var events = 0
  private var nextRootCheck: Duration
  private var nextLimitRetry: Duration?
  var wasLimitReported = false
  /// The folder for which there was no watch the last time.
  var refused: [UInt8]?
  private var wasRootReported = false

  init(_ source: DirectorySource, _ options: WatchOptions, _ system: WatchSystem, now: Duration, _ outlet: Outlet) {
    self.source = source
    self.options = options
    self.outlet = outlet
    rules = WatchRules(source)
    excluded = FileIdentity.all(source.configuration.excludedFolders)
    nextRootCheck = now + options.rootInterval
    var failure: Int32 = 0
    queue = options.mode == .polling ? nil : EventQueue(system, failure: &failure)
    if queue == nil, options.mode != .polling, failure != ENOSYS {
      outlet.problem(WatchLimits.current().queueProblem(source.location, interval: options.pollInterval))
    }
    checkRoot()
  }

  /// How the source is watched.
  var mode: WatchStatus.Mode {
    if rootIdentity == nil { return .waiting }
    if polled.all.isEmpty { return .events }
    return polled.all.contains([]) ? .polling : .mixed
  }

  /// When something is to be done though no event comes.
  var nextDeadline: Duration {
    var next = nextRootCheck
    if let first = detached.first { next = min(next, first.time + Self.detachedTime) }
    if let nextLimitRetry { next = min(next, nextLimitRetry) }
    return next
  }

  /// Reads what waits in the queue, and does what is due.
  mutating func step(at now: Duration, clock: () -> Duration) {
    var moment = now
    while true {
      let events = queue?.read() ?? []
      if events.isEmpty { break }
      self.events += events.count
      for event in events { take(event, at: moment) }
      moment = clock()
      // Releases are due meanwhile.
      if moment - now > options.settle { break }
    }
    while let first = detached.first, moment - first.time >= Self.detachedTime {
      detached.removeFirst()
      remove(first.id)
    }
    for id in changedRules where tree.path(of: id) != nil {
      walk(id, reportsFiles: false)
      if let path = tree.path(of: id) { outlet.event(.lost(path)) }
    }
    changedRules = []
    if needsWalk { walkEverything() }
    followChangedLinks()
    if needsRootCheck || moment >= nextRootCheck {
      nextRootCheck = moment + options.rootInterval
      needsRootCheck = false
      checkRoot()
    }
    if let due = nextLimitRetry, moment >= due {
      nextLimitRetry = nil
      retryLimited()
    }
    if !polled.limited.isEmpty, nextLimitRetry == nil { nextLimitRetry = moment + options.limitRetryInterval }
  }

  /// Compares the root with the one that is watched, and begins anew with another.
  private mutating func checkRoot() {
    // Asked by its path: a root that is held open keeps its disk from being unmounted.
    let status = try? FileStatus(of: source.location)
    let identity = status.flatMap { $0.kind == .folder ? $0.identity : nil }
    guard identity != rootIdentity || rootIdentity == nil else { return }
    if rootIdentity != nil {
      dropEverything()
      outlet.event(.lost([]))
    }
    let root = identity == nil ? nil : try? source.roots.current()
    rootIdentity = root.map { $0.status.identity }
    guard let root else {
      if !wasRootReported {
        outlet.problem(
          WatchProblem(
            kind: .rootGone,
            error: FreshetError(
              .sourceUnavailable,
              "the folder of the source “\(source.name)” is not there; nothing of it counts as deleted, and it is watched "
                + "again when it is back",
              path: source.location,
              permanence: .transient(retryAfter: nil)
            )
          )
        )
      }
      wasRootReported = true
      return
    }
    let isReturn = wasRootReported
    wasRootReported = false
    if queue == nil || isRemote(root.volume) {
      polled.insert([], queue == nil ? .chosen : .remote)
      outlet.polling(polled)
    } else {
      excluded = FileIdentity.all(source.configuration.excludedFolders)
      walk(FolderTree.root, reportsFiles: false)
      watchEnclosing()
    }
    if isReturn { outlet.event(.lost([])) }
  }

  /// Whether the system would not tell of changes that others make there.
  func isRemote(_ volume: Volume) -> Bool {
    options.mode == .automatic && (volume.kind == .network || volume.kind == .program)
  }

  private mutating func dropEverything() {
    let (watches, _) = tree.remove(FolderTree.root)
    for watch in watches + Array(enclosing) { queue?.remove(watch) }
    enclosing = []
    detached = []
    rules = WatchRules(source)
    links = LinkTargets()
    changedLinks = [:]
    polled = PolledFolders()
    outlet.polling(polled)
  }

  /// Goes through the whole tree again after events were lost.
  private mutating func walkEverything() {
    needsWalk = false
    guard rootIdentity != nil else { return }
    watchEnclosing()
    if !polled.all.contains([]) { walk(FolderTree.root, reportsFiles: false) }
    // Said after the walk: what happened before a folder had its watch is seen by whoever lists now.
    outlet.event(.lost([]))
  }

  /// Tries once more to watch what could not be for lack of watches, until one is refused again.
  private mutating func retryLimited() {
    for path in polled.limited.outermost() {
      guard let id = folder(at: path) else { continue }
      refused = nil
      walk(id, reportsFiles: false)
      if refused == path { return }
      polled.removeAlone(path)
      outlet.polling(polled)
      outlet.event(.lost(path))
    }
  }

  /// The folder of a path, made if its parent is watched.
  private mutating func folder(at path: [UInt8]) -> FolderTree.ID? {
    var id = FolderTree.root
    for name in path.split(separator: UInt8(ascii: "/")) { id = tree.makeChild(of: id, Array(name)) }
    return id
  }

  /// Watches the folders above the root in which an ignore file holds for it or may come to.
  private mutating func watchEnclosing() {
    rules.readEnclosing()
    var watches: Set<Int32> = []
    for path in EnclosingIgnoreFiles.folders(above: source.configuration) {
      let number = (path + [0]).withUnsafeBytes {
        freshet_open_at(
          AT_FDCWD,
          $0.baseAddress?.assumingMemoryBound(to: CChar.self),
          O_RDONLY | O_DIRECTORY | O_NONBLOCK,
          0
        )
      }
      guard number >= 0, let watch = queue?.add(Descriptor(owning: number)), watch >= 0 else { continue }
      watches.insert(watch)
    }
    for watch in enclosing.subtracting(watches) { queue?.remove(watch) }
    enclosing = watches
  }

  mutating func remove(_ id: FolderTree.ID) {
    let (watches, folders) = tree.remove(id)
    for watch in watches { queue?.remove(watch) }
    rules.forget(folders)
    links.forget(in: folders)
    changedRules.subtract(folders)
    detached.removeAll { folders.contains($0.id) }
  }
}

/// The folders that are polled because they cannot be watched, and why.
struct PolledFolders: Sendable, Equatable {
  enum Reason: Sendable {
    /// Polling was asked for, or there is no queue.
    case chosen
    /// Another machine changes what is there.
    case remote
    /// The watches are used up.
    case limited
  }

  private var reasons: [[UInt8]: Reason] = [:]

  /// The outermost ones.
  var all: [[UInt8]] { reasons.isEmpty ? [] : Array(reasons.keys).outermost() }

  var isEmpty: Bool { reasons.isEmpty }

  var limited: [[UInt8]] { reasons.filter { $0.value == .limited }.map(\.key) }

  mutating func insert(_ path: [UInt8], _ reason: Reason) { reasons[path] = reason }

  /// Removes a folder, and those below it.
  mutating func remove(_ path: [UInt8]) -> Bool {
    guard !reasons.isEmpty else { return false }
    let count = reasons.count
    reasons = reasons.filter { $0.key != path && !$0.key.isBelow(path) }
    return reasons.count != count
  }

  /// Removes a folder, and none of those below it.
  mutating func removeAlone(_ path: [UInt8]) { reasons[path] = nil }

  /// Whether the path is on another machine.
  func isRemote(_ path: [UInt8]) -> Bool {
    reasons.contains { $0.value == .remote && ($0.key == path || path.isBelow($0.key)) }
  }
}
