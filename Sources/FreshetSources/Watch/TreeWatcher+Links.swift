import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Links are learnt when they come and forgotten when they go. When something comes, goes or gets another name on the way of
/// one, its way is found anew at the end of the step, and it is said that it changed: what happened on the new way before
/// that is seen by who looks then, and what happens after it is told by an event.
extension TreeWatcher {
  /// Remembers the ways of links.
  mutating func learn(_ found: [(path: [UInt8], folder: FolderTree.ID)]) {
    guard !found.isEmpty, let root = try? source.roots.current() else { return }
    let way = LinkWay(root: root, location: Array(source.location.utf8))
    for link in found { links.insert(link.path, in: link.folder, places: way.places(of: link.path)) }
  }

  /// Something came, went or got another name at a place: the links that lead over it have another way now.
  mutating func note(changeAt place: [UInt8]) {
    guard !links.isEmpty else { return }
    for link in links.links(over: place) { changedLinks[link] = links.folder(of: link) }
  }

  /// A file came that is probably being written, and may be what links lead to.
  func sayWritten(linksOver place: [UInt8]) {
    guard !links.isEmpty else { return }
    for link in links.links(over: place) { outlet.event(.modified(link)) }
  }

  /// Finds the ways of changed links anew.
  mutating func followChangedLinks() {
    guard !changedLinks.isEmpty else { return }
    let changed = changedLinks
    changedLinks = [:]
    // The folder may have another path meanwhile, or its number belong to another one: then it was walked.
    let found = changed.filter { tree.path(of: $0.value) == $0.key.folder }.map { (path: $0.key, folder: $0.value) }
    learn(found)
    for link in found {
      outlet.event(.attributes(link.path, isFolder: false))
      follow(link: link.path, in: link.folder)
    }
  }

  /// An event about something that is no folder, and may be a link.
  mutating func takeLink(_ event: EventQueue.Event, in id: FolderTree.ID, _ path: [UInt8]) {
    guard rules.configuration.links != .ignore else { return }
    let comes = event.has(freshet_watch_created | freshet_watch_moved_to)
    guard comes || event.has(freshet_watch_deleted | freshet_watch_moved_from) else { return }
    let isLink = comes && isLink(path)
    if isLink { learn([(path, id)]) } else { links.remove(path) }
    if isLink || tree.child(of: id, event.name) != nil { follow(link: path, in: id) }
  }

  /// Links to folders are followed by some sources: what one leads to now is watched, and what it led to before is not any
  /// more.
  private mutating func follow(link path: [UInt8], in id: FolderTree.ID) {
    guard rules.configuration.links == .foldersWithinRoot, let root = try? source.roots.current() else { return }
    let name = Array(path[path.nameOffset...])
    let isEntered = rules.enters(path, in: id, tree)
    let (parent, target) = (
      root.open(path.folder ?? [], flags: O_RDONLY | O_DIRECTORY | O_NONBLOCK),
      root.open(path, flags: freshet_path_only | O_DIRECTORY)
    )
    // Both are closed at the end.
    let (folder, end) = (Self.descriptor(parent), Self.descriptor(target))
    if isEntered, end != nil, let folder, !leadsBack(folder, name, id) {
      walk(tree.makeChild(of: id, name), reportsFiles: false)
      outlet.event(.lost(path))
    } else if let known = tree.child(of: id, name) {
      remove(known)
      outlet.event(.deleted(path, isFolder: true))
    }
  }

  private static func descriptor(_ number: Int32) -> Descriptor? { number < 0 ? nil : Descriptor(owning: number) }

  /// Whether a link leads to a folder that it stands in: the same watch, further up.
  func leadsBack(_ folder: Descriptor, _ name: [UInt8], _ id: FolderTree.ID) -> Bool {
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
    // What cannot be watched has no watch further up.
    return watch >= 0 && tree.lineage(of: id).contains { tree.watch(of: $0) == watch }
  }

  private func isLink(_ path: [UInt8]) -> Bool {
    guard let root = try? source.roots.current() else { return false }
    // Its folder first: where an absolute link leads to that, the path is opened with the link at its end resolved.
    guard let folder = Self.descriptor(root.open(path.folder ?? [], flags: freshet_path_only | O_DIRECTORY)) else {
      return false
    }
    var status = freshet_status()
    let result = DirectoryRoot.withPath(path[path.nameOffset...]) {
      freshet_status_at(folder.number, $0, false, &status)
    }
    return result == 0 && FileStatus.Kind(mode: status.mode) == .link
  }
}
