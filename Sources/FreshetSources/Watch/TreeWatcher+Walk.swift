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
    var found: [(path: [UInt8], folder: FolderTree.ID)] = []
    // Once every folder has its watch: what changes on the way of a link from then on is told by an event.
    defer { learn(found) }
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
      open += list(id, folder, path, reportsFiles: reportsFiles, links: &found)
    }
  }

  /// The folder is not there, or is not entered.
  private mutating func leave(_ id: FolderTree.ID) {
    if id == FolderTree.root { needsRootCheck = true } else { remove(id) }
  }

  private mutating func unwatch(_ id: FolderTree.ID) {
    links.forget(in: [id])
    if let unused = tree.setWatch(of: id, to: FolderTree.noWatch) { queue?.remove(unused) }
  }

  private func isExcluded(_ status: FileStatus, at id: FolderTree.ID) -> Bool {
    id != FolderTree.root && excluded.contains(status.identity)
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

  /// Reads a watched folder: answers the folders in it that are entered, and adds the links in it.
  private mutating func list(
    _ id: FolderTree.ID,
    _ folder: Descriptor,
    _ path: [UInt8],
    reportsFiles: Bool,
    links found: inout [(path: [UInt8], folder: FolderTree.ID)]
  ) -> [FolderTree.ID] {
    var entries = FolderEntries()
    let failure = reader.read(folder.number) { entries.append($0, $1) }
    entries.resolveKinds(
      in: folder.number,
      followsFolders: rules.configuration.links == .foldersWithinRoot
    )
    if entries.hasGitignore || entries.hasOwnIgnore { rules.read(id, in: folder) } else { rules.forget([id]) }
    if failure == 0 { links.forget(in: [id]) }
    var entered: [FolderTree.ID] = []
    var gone = tree.children(of: id)
    for index in 0..<entries.count {
      let name = entries.withName(at: index) { Array($0) }
      let childPath = path.appending(name)
      switch entries.kind(at: index) {
      case .folder, .linkedFolder:
        guard rules.enters(childPath, in: id, tree) else { continue }
        if entries.kind(at: index) == .linkedFolder {
          found.append((childPath, id))
          if leadsBack(folder, name, id) { continue }
        }
        gone[name] = nil
        entered.append(tree.makeChild(of: id, name))
      case .file, .link:
        if entries.kind(at: index) == .link, rules.configuration.links != .ignore { found.append((childPath, id)) }
        if reportsFiles {
          if rules.includes(childPath, in: id, tree) { outlet.event(.created(childPath, isFolder: false)) }
          sayWritten(linksOver: childPath)
        }
      case .special, .missing: continue
      }
    }
    if failure == 0 {
      for child in gone.values { remove(child) }
    }
    return entered
  }

  /// The absolute path, for sentences.
  func place(_ path: [UInt8]) -> String {
    path.isEmpty ? source.location : source.location + "/" + PathEncoding.origin(of: path)
  }
}
