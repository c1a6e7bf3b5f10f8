extension WatchCoalescer {
  /// Lets folders stand for the paths in them until a quarter of the room is free: those with the most first, and in the
  /// end the root.
  ///
  /// Whether a file in such a folder is still being written is not known any more: the folder is held until nothing has
  /// happened in it for the longest quiet time.
  mutating func collapse(at now: Duration) {
    let goal = options.pathsMax * 3 / 4
    var left = pending.count
    var chosen: Set<[UInt8]> = []
    for (folder, siblings) in siblings.sorted(by: { $0.value.count > $1.value.count }) {
      guard left > goal, siblings.count > 1 else { break }
      chosen.insert(folder)
      left -= siblings.count - 1
    }
    if left > goal { chosen = [[]] }
    let outermost = Set(Array(chosen).outermost())
    var covered: [[UInt8]: [[UInt8]]] = [:]
    for path in pending.keys {
      if let folder = path.outermostFolder(of: outermost) { covered[folder, default: []].append(path) }
    }
    for (folder, paths) in covered { replace(paths, by: folder, at: now) }
  }

  private mutating func replace(_ paths: [[UInt8]], by folder: [UInt8], at now: Duration) {
    let firstSeen = (paths + [folder]).compactMap { pending[$0]?.firstSeen }.min() ?? now
    for path in paths {
      renames.replace(path, by: folder)
      _ = remove(path)
    }
    if pending[folder] == nil, let above = folder.folder {
      siblings[above, default: Siblings(lastSeen: now)].count += 1
    }
    var entry = PendingPath(firstSeen: firstSeen, lastSeen: now, wasThere: true, debounce: options.settle)
    entry.isFolder = true
    pending[folder] = entry
    collapsed.insert(folder)
    schedule(folder)
  }
}

extension [UInt8] {
  /// The folder of the set that the path lies in.
  fileprivate func outermostFolder(of folders: Set<[UInt8]>) -> [UInt8]? {
    if !isEmpty, folders.contains([]) { return [] }
    for index in indices where self[index] == UInt8(ascii: "/") {
      let folder = Array(self[..<index])
      if folders.contains(folder) { return folder }
    }
    return nil
  }
}
