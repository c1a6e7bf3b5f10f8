/// Makes releases of events: decides what is looked at and when. No input or output, and no clock of its own.
///
/// What holds:
/// - Each path that an event names is in a release after its last event, itself or in a folder, at the latest when a
///   limit of the options is over; nothing is forgotten.
/// - A path is pending once, however many events it has.
/// - A file that is being written is not in a release before it is closed and quiet, or the hold limit is over.
/// - A name that was there and its new one leave together.
/// - At most `pathsMax` paths wait: above that, folders stand for what is in them.
///
/// Times are durations since any moment, and never go back.
public struct WatchCoalescer: Sendable {
  /// What is to be done now.
  public struct Outcome: Sendable {
    /// What is to be looked at; `nil`: nothing is due, or there are questions.
    public var release: WatchRelease?
    /// Files of which is to be found out whether somebody has them open for writing; the answers come in as events, before
    /// the next `take`.
    public var questions: [[UInt8]] = []
  }

  /// What goes on in a folder: how many paths directly in it are pending, and when one came, went or was finished.
  struct Siblings: Sendable {
    var count = 0
    var lastSeen: Duration
  }

  /// An old end of a rename that waits for its new one.
  struct Departure: Sendable {
    let cookie: UInt32
    let path: [UInt8]
    let time: Duration
    let content: PendingPath.Content
    /// It had its name long enough for somebody to know it.
    let isKnown: Bool
  }

  /// Old ends of renames that wait for their new ones; the system names both in one breath.
  static let departuresMax = 256

  let source: String
  private(set) var options: WatchOptions
  var pending: [[UInt8]: PendingPath] = [:]
  var queue = DeadlineQueue()
  var renames = RenameGroups()
  var siblings: [[UInt8]: Siblings] = [:]
  var departures: [Departure] = []
  var rewritten: [[UInt8]: PendingPath.Rewriting] = [:]
  /// Files that were released at their limit, and not closed since.
  var restless: Set<[UInt8]> = []
  /// Pending folders that stand for what is in them.
  var collapsed: Set<[UInt8]> = []

  /// Nothing is pending.
  public init(source: String, options: WatchOptions = WatchOptions()) {
    self.source = source
    self.options = options
  }

  /// Paths that wait.
  public var pendingCount: Int { pending.count }

  /// When `take` has something to do; `nil`: not before the next event.
  public var nextDeadline: Duration? { queue.first }

  /// Changes the longest quiet time: where files are looked at only now and then, it must be longer than that.
  public mutating func setSettle(_ settle: Duration) {
    options.settle = settle
  }

  /// Takes in what happened.
  public mutating func receive(_ event: WatchEvent, at now: Duration) {
    switch event {
    case .created(let path, let isFolder):
      noteActivity(in: path, at: now)
      if isFolder { return }
      touch(path, at: now, wasThere: false) {
        $0.content = .written
        $0.isGone = false
      }
    case .modified(let path):
      touch(path, at: now) { entry in
        if case .open = entry.content { return }
        entry.content = .written
      }
    case .closed(let path):
      noteActivity(in: path, at: now)
      restless.remove(path)
      let (earlier, options) = (rewritten[path], options)
      touch(path, at: now) { $0.finish(after: earlier, at: now, options) }
    case .attributes(let path, let isFolder):
      touch(path, at: now) { $0.isFolder = $0.isFolder || isFolder }
    case .movedFrom(let path, let cookie, let isFolder):
      depart(path, cookie, isFolder: isFolder, at: now)
    case .movedTo(let path, let cookie, let isFolder):
      arrive(path, cookie, isFolder: isFolder, at: now)
    case .deleted(let path, let isFolder):
      noteActivity(in: path, at: now)
      restless.remove(path)
      let options = options
      touch(path, at: now) { $0.leave(isFolder: isFolder, options) }
    case .lost(let path):
      let settle = options.settle
      touch(path, at: now) {
        $0.isFolder = true
        $0.debounce = settle
      }
    case .writers(let path, let writers):
      answer(path, writers, at: now)
    }
  }

  private mutating func answer(_ path: [UInt8], _ writers: FileWriters, at now: Duration) {
    guard var entry = pending[path], entry.content == .asked else { return }
    switch writers {
    case .some: entry.content = .open(at: now)
    case .none:
      restless.remove(path)
      entry.finish(after: rewritten[path], at: now, options)
    case .unknown: return
    }
    pending[path] = entry
    schedule(path)
  }

  private mutating func depart(_ path: [UInt8], _ cookie: UInt32, isFolder: Bool, at now: Duration) {
    noteActivity(in: path, at: now)
    restless.remove(path)
    let before = pending[path]
    if departures.count >= Self.departuresMax { departures.removeFirst(departures.count / 2) }
    departures.append(
      Departure(
        cookie: cookie,
        path: path,
        time: now,
        content: before?.content ?? .complete,
        isKnown: (before?.wasThere ?? true) || renames.contains(path)
      )
    )
    let options = options
    touch(path, at: now) { $0.leave(isFolder: isFolder, options) }
  }

  private mutating func arrive(_ path: [UInt8], _ cookie: UInt32, isFolder: Bool, at now: Duration) {
    noteActivity(in: path, at: now)
    let index = departures.lastIndex { $0.cookie == cookie }
    let departure = index.map { departures.remove(at: $0) }
    touch(path, at: now, wasThere: false) {
      $0.content = departure?.content == .asked ? .written : departure?.content ?? .complete
      $0.isGone = false
      $0.isFolder = $0.isFolder || isFolder
    }
    guard let departure, departure.isKnown else { return }
    join(departure.path, path)
    if isFolder, pending[departure.path] != nil { carry(below: departure.path, to: path, at: now) }
  }

  /// What is pending in a folder that was renamed leaves with the folder; files that are being written are so under their
  /// new paths.
  private mutating func carry(below old: [UInt8], to new: [UInt8], at now: Duration) {
    for path in pending.keys where path.isBelow(old) {
      renames.replace(path, by: old)
      guard let entry = remove(path), !entry.isFolder, entry.content != .complete else { continue }
      touch(new + path[old.count...], at: now) { $0.content = entry.content == .asked ? .written : entry.content }
    }
  }

  /// Binds two pending paths, or the folders that stand for them.
  private mutating func join(_ first: [UInt8], _ second: [UInt8]) {
    let (first, second) = (collapsedFolder(of: first) ?? first, collapsedFolder(of: second) ?? second)
    guard pending[first] != nil, pending[second] != nil else { return }
    renames.join(first, second)
  }

  /// Makes a path pending, or changes what is pending of it.
  private mutating func touch(
    _ path: [UInt8],
    at now: Duration,
    wasThere: Bool = true,
    _ change: (inout PendingPath) -> Void
  ) {
    if let folder = collapsedFolder(of: path) {
      pending[folder]?.lastSeen = now
      return
    }
    let isNew = pending[path] == nil
    var entry =
      pending[path]
      ?? PendingPath(firstSeen: now, lastSeen: now, wasThere: wasThere, debounce: options.debounce)
    entry.lastSeen = now
    change(&entry)
    pending[path] = entry
    if isNew, let folder = path.folder { siblings[folder, default: Siblings(lastSeen: now)].count += 1 }
    schedule(path)
    if pending.count > options.pathsMax { collapse(at: now) }
  }

  /// Something came, went or was finished in the path's folder.
  private mutating func noteActivity(in path: [UInt8], at now: Duration) {
    guard let folder = path.folder else { return }
    siblings[folder]?.lastSeen = now
  }

  /// Puts a path into the queue when it is to be looked at earlier than the queue says; a later time is seen when its
  /// element comes up.
  mutating func schedule(_ path: [UInt8], at time: Duration? = nil) {
    guard var entry = pending[path] else { return }
    let next = time ?? entry.next(options).roundedUp(to: options.step)
    if let scheduled = entry.scheduled, scheduled <= next { return }
    entry.scheduled = next
    pending[path] = entry
    queue.insert(path, at: next)
  }

  /// The pending folder that stands for the path.
  func collapsedFolder(of path: [UInt8]) -> [UInt8]? {
    guard !collapsed.isEmpty else { return nil }
    if collapsed.contains(path) { return path }
    var rest = path[...]
    while let slash = rest.lastIndex(of: UInt8(ascii: "/")) {
      rest = rest[..<slash]
      if collapsed.contains(Array(rest)) { return Array(rest) }
    }
    return collapsed.contains([]) ? [] : nil
  }
}

extension Duration {
  /// The next multiple of a step.
  func roundedUp(to step: Duration) -> Duration {
    let (step, time) = (step.nanoseconds, nanoseconds)
    guard step > 0, time % step != 0 else { return self }
    return .nanoseconds(time - time % step + (time > 0 ? step : 0))
  }
}
