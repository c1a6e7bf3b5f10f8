extension WatchCoalescer {
  /// What is due: questions, or else a release.
  ///
  /// When there are questions their answers are to be received first: they may add to the release.
  public mutating func take(at now: Duration) -> Outcome {
    var outcome = Outcome()
    var ready: [[UInt8]] = []
    while let element = queue.popFirst(until: now) {
      guard let entry = pending[element.path], entry.scheduled == element.time else { continue }
      pending[element.path]?.scheduled = nil
      let moment = moment(of: element.path, entry)
      if moment > now {
        schedule(element.path, at: moment.roundedUp(to: options.step))
      } else if entry.needsAnswer(at: now, options) {
        outcome.questions.append(element.path)
        pending[element.path]?.content = .asked
        schedule(element.path, at: max(entry.lastSeen + options.settle, later(than: now)))
      } else {
        ready.append(element.path)
      }
    }
    guard outcome.questions.isEmpty else {
      for path in ready { schedule(path, at: now) }
      return outcome
    }
    var taken: [([UInt8], PendingPath)] = []
    for path in ready {
      guard let entry = pending[path] else { continue }
      let bound = bound(to: path)
      if now < entry.limit(options), let wait = wait(for: bound, at: now) {
        schedule(path, at: wait)
      } else {
        for path in bound {
          guard let entry = remove(path) else { continue }
          taken.append((path, entry))
          if entry.content != .complete, now >= entry.limit(options) { restless.insert(path) }
        }
      }
    }
    tidy(at: now)
    if !taken.isEmpty { outcome.release = release(of: taken, at: now) }
    return outcome
  }

  /// The path with all that leave together with it: the other ends of renames, and those of renames that have an end in a
  /// folder that leaves.
  private func bound(to path: [UInt8]) -> [[UInt8]] {
    var bound = renames.all(with: path)
    var folders = Set(bound.filter { pending[$0]?.isFolder ?? false })
    if folders.isEmpty || renames.isEmpty { return bound }
    var known = Set(bound)
    while !folders.isEmpty {
      let more = renames.all(below: folders).filter { !known.contains($0) }
      known.formUnion(more)
      bound += more
      folders = Set(more.filter { pending[$0]?.isFolder ?? false })
    }
    return bound
  }

  /// When a path may leave, or is to be asked about. One that went waits until its folder is quiet: what replaces it may
  /// still come.
  private func moment(of path: [UInt8], _ entry: PendingPath) -> Duration {
    let own = entry.next(options)
    guard entry.isGone, let folder = path.folder, let activity = siblings[folder]?.lastSeen else { return own }
    return max(own, min(activity + options.debounce, entry.firstSeen + options.settle))
  }

  /// When to look again because one of the bound paths may not leave yet; `nil`: all may.
  private func wait(for bound: [[UInt8]], at now: Duration) -> Duration? {
    var latest: Duration?
    for path in bound {
      guard let entry = pending[path] else { continue }
      let moment = moment(of: path, entry)
      if moment > now || entry.needsAnswer(at: now, options) {
        latest = max(latest ?? now, max(moment, later(than: now)))
      }
    }
    return latest
  }

  private func later(than now: Duration) -> Duration { now + max(options.debounce, .milliseconds(1)) }

  /// Takes a path out, with all that is kept of it.
  mutating func remove(_ path: [UInt8]) -> PendingPath? {
    guard let entry = pending.removeValue(forKey: path) else { return nil }
    renames.remove(path)
    collapsed.remove(path)
    if entry.rewrites > 0 {
      rewritten[path] = PendingPath.Rewriting(debounce: entry.debounce, lastSeen: entry.lastSeen)
    }
    if let folder = path.folder, let count = siblings[folder]?.count {
      siblings[folder]?.count = count - 1
      if count <= 1 { siblings[folder] = nil }
    }
    return entry
  }

  /// Keeps what is remembered small.
  private mutating func tidy(at now: Duration) {
    if rewritten.count > options.rewrittenMax {
      rewritten = rewritten.filter { now - $0.value.lastSeen < options.settle }
      // Forgetting costs no more than a shorter quiet time.
      if rewritten.count > options.rewrittenMax { rewritten = [:] }
    }
    departures.removeAll { now - $0.time > options.settle }
    // Forgotten, it waits for its limit once more.
    if restless.count > options.rewrittenMax { restless = [] }
    if queue.count > 2 * pending.count + 64 {
      let pending = pending
      queue.filter { pending[$0.path]?.scheduled == $0.time }
    }
  }

  private func release(of taken: [([UInt8], PendingPath)], at now: Duration) -> WatchRelease {
    let firstSeen = taken.map(\.1.firstSeen).min() ?? now
    let folders = taken.filter(\.1.isFolder).map(\.0).outermost()
    var release = WatchRelease(source: source, age: now - firstSeen)
    if folders.contains([]) {
      release.isEverything = true
    } else {
      let below = Set(folders)
      release.folders = folders
      release.files = taken.filter { !$0.1.isFolder && !$0.0.isBelow(anyOf: below) }.map(\.0).sorted(by: precedes)
    }
    return release
  }

  /// The files that are still being written, without those that never rest: they were released as they are.
  public var unsettled: Set<[UInt8]> {
    Set(pending.lazy.filter { $0.value.content != .complete && !restless.contains($0.key) }.map(\.key))
  }

  /// Notes that somebody lists the source, and so knows each name in it from now on.
  public mutating func listed() {
    for path in pending.filter({ !$0.value.wasThere }).keys { pending[path]?.wasThere = true }
  }
}

private func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool { left.lexicographicallyPrecedes(right) }

extension [UInt8] {
  /// The path of the folder that a path is in; `nil` for the root.
  var folder: [UInt8]? {
    if isEmpty { return nil }
    return lastIndex(of: UInt8(ascii: "/")).map { Array(self[..<$0]) } ?? []
  }

  /// Whether the path lies in the folder, at whatever depth.
  func isBelow(_ folder: [UInt8]) -> Bool {
    if folder.isEmpty { return !isEmpty }
    return count > folder.count && self[folder.count] == UInt8(ascii: "/") && starts(with: folder)
  }

  /// Whether it lies in one of the folders.
  func isBelow(anyOf folders: Set<[UInt8]>) -> Bool {
    guard !folders.isEmpty, !isEmpty else { return false }
    var rest = self[...]
    while let slash = rest.lastIndex(of: UInt8(ascii: "/")) {
      rest = rest[..<slash]
      if folders.contains(Array(rest)) { return true }
    }
    return folders.contains([])
  }
}

extension [[UInt8]] {
  /// The paths that lie in none of the others, in the order of their bytes.
  func outermost() -> [[UInt8]] {
    let all = Set(self)
    return all.filter { !$0.isBelow(anyOf: all) }.sorted(by: precedes)
  }
}
