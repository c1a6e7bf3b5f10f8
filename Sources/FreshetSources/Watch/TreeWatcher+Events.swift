import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension TreeWatcher {
  /// Follows an event in the tree, and says what it means.
  mutating func take(_ event: EventQueue.Event, at now: Duration) {
    if event.has(freshet_watch_overflow) {
      overflows += 1
      needsWalk = true
      outlet.event(.lost([]))
      outlet.problem(WatchLimits.current().overflowProblem(source.location))
      return
    }
    if enclosing.contains(event.watch) { takeEnclosing(event) }
    let folders = tree.folders(watchedBy: event.watch)
    if event.has(freshet_watch_ended) { tree.forget(watch: event.watch) }
    for id in folders {
      // A folder that is being renamed has no path: its new one is looked at as a whole.
      guard let path = tree.path(of: id) else { continue }
      if event.name.isEmpty {
        takeOwn(event, id, path)
      } else if event.isFolder {
        takeFolder(event, in: id, path.appending(event.name), at: now)
      } else {
        takeFile(event, in: id, folder: path)
      }
    }
  }

  /// An event of a folder above the root.
  private mutating func takeEnclosing(_ event: EventQueue.Event) {
    let isIgnoreFile = event.name.elementsEqual(IgnoreFiles.gitName.utf8) || event.name.elementsEqual(".git".utf8)
    if isIgnoreFile, !event.has(freshet_watch_modified) || event.isFolder { needsWalk = true }
    if event.has(freshet_watch_ended) { enclosing.remove(event.watch) }
  }

  /// An event of a watched folder itself; its parent tells most of them too.
  private mutating func takeOwn(_ event: EventQueue.Event, _ id: FolderTree.ID, _ path: [UInt8]) {
    if id == FolderTree.root {
      if event.has(freshet_watch_attributes) { outlet.event(.attributes([], isFolder: true)) }
      let isAway = freshet_watch_self_deleted | freshet_watch_self_moved | freshet_watch_unmounted | freshet_watch_ended
      if event.has(isAway) { needsRootCheck = true }
      // The root is where it was and its watch is gone.
      if event.has(freshet_watch_ended) { needsWalk = true }
    } else if event.has(freshet_watch_ended) {
      note(changeAt: path)
      walk(id, reportsFiles: false)
      outlet.event(.lost(path))
    }
  }

  /// An event about a folder in a watched one.
  private mutating func takeFolder(
    _ event: EventQueue.Event,
    in id: FolderTree.ID,
    _ path: [UInt8],
    at now: Duration
  ) {
    let isEntered = rules.enters(path, in: id, tree)
    if !event.has(freshet_watch_attributes) { note(changeAt: path) }
    let known = tree.child(of: id, event.name)
    if event.has(freshet_watch_created) {
      guard isEntered else { return }
      outlet.event(.created(path, isFolder: true))
      walk(known ?? tree.makeChild(of: id, event.name), reportsFiles: true)
    } else if event.has(freshet_watch_attributes) {
      guard isEntered else { return }
      if known.map({ tree.watch(of: $0) == FolderTree.noWatch }) ?? true {
        walk(known ?? tree.makeChild(of: id, event.name), reportsFiles: false)
      }
      outlet.event(.attributes(path, isFolder: true))
    } else if event.has(freshet_watch_deleted) {
      if let known { remove(known) }
      forgetPolled(path)
      if isEntered { outlet.event(.deleted(path, isFolder: true)) }
    } else if event.has(freshet_watch_moved_from) {
      if let known {
        tree.detach(known)
        detached.append(Detached(id: known, cookie: event.cookie, time: now))
      }
      forgetPolled(path)
      if isEntered { outlet.event(.movedFrom(path, cookie: event.cookie, isFolder: true)) }
    } else if event.has(freshet_watch_moved_to) {
      arrive(event, in: id, path, isEntered: isEntered)
    }
  }

  private mutating func arrive(_ event: EventQueue.Event, in id: FolderTree.ID, _ path: [UInt8], isEntered: Bool) {
    // What had the name before was empty, or its going is in the queue.
    if let replaced = tree.child(of: id, event.name) { remove(replaced) }
    if let index = detached.lastIndex(where: { $0.cookie == event.cookie }) {
      let moved = detached.remove(at: index).id
      if isEntered { tree.attach(moved, to: id, event.name) } else { remove(moved) }
    }
    guard isEntered else { return }
    walk(tree.makeChild(of: id, event.name), reportsFiles: false)
    outlet.event(.movedTo(path, cookie: event.cookie, isFolder: true))
  }

  private mutating func forgetPolled(_ path: [UInt8]) {
    if polled.remove(path) { outlet.polling(polled) }
  }

  /// An event about anything else in a watched folder.
  private mutating func takeFile(_ event: EventQueue.Event, in id: FolderTree.ID, folder: [UInt8]) {
    let path = folder.appending(event.name)
    if rules.isIgnoreFile(event.name), !event.has(freshet_watch_modified) {
      changedRules.insert(id)
      outlet.event(.lost(folder))
    }
    takeLink(event, in: id, path)
    if event.has(freshet_watch_modified | freshet_watch_closed | freshet_watch_attributes) {
      for link in links.isEmpty ? [] : links.links(over: path) { say(event, of: link) }
    } else {
      note(changeAt: path)
      if event.has(freshet_watch_created) { sayWritten(linksOver: path) }
    }
    if rules.includes(path, in: id, tree) { say(event, of: path) }
  }

  /// Says what an event means for a file.
  private func say(_ event: EventQueue.Event, of path: [UInt8]) {
    if event.has(freshet_watch_modified) {
      outlet.event(.modified(path))
    } else if event.has(freshet_watch_closed) {
      outlet.event(.closed(path))
    } else if event.has(freshet_watch_attributes) {
      outlet.event(.attributes(path, isFolder: false))
    } else if event.has(freshet_watch_created) {
      outlet.event(.created(path, isFolder: false))
    } else if event.has(freshet_watch_deleted) {
      outlet.event(.deleted(path, isFolder: false))
    } else if event.has(freshet_watch_moved_from) {
      outlet.event(.movedFrom(path, cookie: event.cookie, isFolder: false))
    } else if event.has(freshet_watch_moved_to) {
      outlet.event(.movedTo(path, cookie: event.cookie, isFolder: false))
    }
  }
}
