import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension TreeWatcher {
  /// Watches a folder and all below it that the source enters, and forgets what is not there any more.
  ///
  /// - Parameter reportsFiles: says of each file found that it was created; else the caller says that the folder changed.
  mutating func walk(_ start: FolderTree.ID, reportsFiles: Bool) {
    rules.pathsChanged()
    var open = [start]
    while let id = open.popLast() {
      guard let path = tree.path(of: id), let root = try? source.roots.current() else { continue }
      let number = root.open(path, flags: O_RDONLY | O_DIRECTORY | O_NONBLOCK)
      guard number >= 0 else {
        if number == -ENOENT || number == -ENOTDIR || number == -EXDEV || number == -ELOOP {
          leave(id)
        } else {
          // Kept without a watch: an event tells when it can be read, and the listing says what is wrong with it.
          unwatch(id)
        }
        continue
      }
      let folder = Descriptor(owning: number)
      guard let status = try? folder.status(), !isExcluded(status, at: id) else {
        leave(id)
        continue
      }
      if status.fingerprint.device != root.status.fingerprint.device, let volume = try? Volume(of: number),
        isRemote(volume)
      {
        poll(id, path, .remote)
        continue
      }
      guard watch(id, folder, path) else { continue }
      open += list(id, folder, path, reportsFiles: reportsFiles)
    }
  }

  /// The folder is not there, or is not entered.
  private mutating func leave(_ id: FolderTree.ID) {
    if id == FolderTree.root { needsRootCheck = true } else { remove(id) }
  }

  private mutating func unwatch(_ id: FolderTree.ID) {
    if let unused = tree.setWatch(of: id, to: FolderTree.noWatch) { queue?.remove(unused) }
  }

  private func isExcluded(_ status: FileStatus, at id: FolderTree.ID) -> Bool {
    id != FolderTree.root && excluded.contains(FolderIdentity(status.fingerprint))
  }

  private mutating func poll(_ id: FolderTree.ID, _ path: [UInt8], _ reason: PolledFolders.Reason) {
    if id == FolderTree.root { unwatch(id) } else { remove(id) }
    polled.insert(path, reason)
    outlet.polling(polled)
  }

  /// Gives a folder its watch; `false` when there is none to be had, and the folder is polled.
  private mutating func watch(_ id: FolderTree.ID, _ folder: Descriptor, _ path: [UInt8]) -> Bool {
    guard let watch = queue?.add(folder) else { return false }
    if watch >= 0 {
      if let unused = tree.setWatch(of: id, to: watch) { queue?.remove(unused) }
      return true
    }
    if watch == -ENOSPC || watch == -ENOMEM {
      if !wasLimitReported {
        outlet.problem(WatchLimits.current().watchProblem(place(path), interval: options.pollInterval))
      }
      wasLimitReported = true
      refused = path
      poll(id, path, .limited)
      return false
    }
    outlet.problem(
      WatchProblem(
        kind: .unwatchable,
        error: .system(watch, "watch the folder; it is listed instead", path: place(path))
      )
    )
    poll(id, path, .remote)
    return false
  }

  /// Reads a watched folder: answers the folders in it that are entered.
  private mutating func list(
    _ id: FolderTree.ID,
    _ folder: Descriptor,
    _ path: [UInt8],
    reportsFiles: Bool
  ) -> [FolderTree.ID] {
    var entries = FolderEntries()
    let failure = reader.read(folder.number) { entries.append($0, $1) }
    entries.resolveKinds(
      in: folder.number,
      followsFolders: rules.configuration.links == .foldersWithinRoot
    )
    if entries.hasGitignore || entries.hasOwnIgnore { rules.read(id, in: folder) } else { rules.forget([id]) }
    var entered: [FolderTree.ID] = []
    var gone = tree.children(of: id)
    for index in 0..<entries.count {
      let name = entries.withName(at: index) { Array($0) }
      let childPath = path.appending(name)
      switch entries.kind(at: index) {
      case .folder, .linkedFolder:
        guard rules.enters(childPath, in: id, tree) else { continue }
        if entries.kind(at: index) == .linkedFolder, leadsBack(folder, name, id) { continue }
        gone[name] = nil
        entered.append(tree.makeChild(of: id, name))
      case .file, .link:
        if entries.kind(at: index) == .link { learn(link: childPath) }
        if reportsFiles, rules.includes(childPath, in: id, tree) {
          outlet.event(.created(childPath, isFolder: false))
        }
      case .special, .missing: continue
      }
    }
    if failure == 0 {
      for child in gone.values { remove(child) }
    }
    return entered
  }

  /// Whether a link leads to a folder that it stands in: the same watch, further up.
  private func leadsBack(_ folder: Descriptor, _ name: [UInt8], _ id: FolderTree.ID) -> Bool {
    let number = DirectoryRoot.withPath(name[...]) {
      freshet_open_at(folder.number, $0, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0)
    }
    guard number >= 0, let queue else { return true }
    let target = Descriptor(owning: number)
    // A link out of the source is not followed, and must not be watched even for a moment.
    guard let root = try? source.roots.current(), let path = tree.path(of: id) else { return true }
    let inside = root.open(path.appending(name), flags: freshet_path_only | O_DIRECTORY)
    guard inside >= 0 else { return true }
    close(inside)
    let watch = queue.add(target)
    return watch < 0 || tree.lineage(of: id).contains { tree.watch(of: $0) == watch }
  }

  /// Remembers where a link leads, if that is in the source.
  mutating func learn(link path: [UInt8]) {
    guard rules.configuration.links != .ignore, let root = FileSystem.resolved(Array(source.location.utf8)),
      let target = FileSystem.resolved(root.appending(path)), target.isBelow(root)
    else { return }
    links.insert(path, target: Array(target[(root == [UInt8(ascii: "/")] ? 1 : root.count + 1)...]))
  }

  /// The absolute path, for sentences.
  func place(_ path: [UInt8]) -> String {
    path.isEmpty ? source.location : source.location + "/" + PathEncoding.origin(of: path)
  }
}
