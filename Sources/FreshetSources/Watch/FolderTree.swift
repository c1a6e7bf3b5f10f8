/// The folders that are watched, as a tree of names: a renamed folder keeps its watch and those below it, and only its own
/// name changes.
///
/// One watch may belong to several folders: a link to a folder is another way to the same one.
struct FolderTree {
  typealias ID = Int32

  private struct Folder {
    var parent: ID
    var name: [UInt8]
    var watch: Int32 = FolderTree.noWatch
    var children: [[UInt8]: ID] = [:]
  }

  static let root: ID = 0
  static let noWatch: Int32 = -1
  private static let detached: ID = -1

  private var folders: [Folder] = [Folder(parent: detached, name: [])]
  private var free: [ID] = []
  private var byWatch: [Int32: ID] = [:]
  /// The further folders of a watch.
  private var shared: [Int32: [ID]] = [:]

  /// Watches that are in use.
  var watchCount: Int { byWatch.count }

  /// The path from the root; `nil` when the folder is in a part that was taken out.
  func path(of id: ID) -> [UInt8]? {
    if id == Self.root { return [] }
    var names: [ID] = []
    var next = id
    while next != Self.root {
      guard next != Self.detached else { return nil }
      names.append(next)
      next = folders[Int(next)].parent
    }
    var path: [UInt8] = []
    for id in names.reversed() {
      if !path.isEmpty { path.append(UInt8(ascii: "/")) }
      path += folders[Int(id)].name
    }
    return path
  }

  /// The folder and those above it, the root last.
  func lineage(of id: ID) -> [ID] {
    var all = [id]
    while let last = all.last, last != Self.root, folders[Int(last)].parent != Self.detached {
      all.append(folders[Int(last)].parent)
    }
    return all
  }

  func children(of id: ID) -> [[UInt8]: ID] { folders[Int(id)].children }

  func child(of id: ID, _ name: [UInt8]) -> ID? { folders[Int(id)].children[name] }

  func folders(watchedBy watch: Int32) -> [ID] {
    guard let first = byWatch[watch] else { return [] }
    return [first] + (shared[watch] ?? [])
  }

  func watch(of id: ID) -> Int32 { folders[Int(id)].watch }

  /// The folder of that name, made when there is none.
  mutating func makeChild(of id: ID, _ name: [UInt8]) -> ID {
    if let known = child(of: id, name) { return known }
    let folder = Folder(parent: id, name: name)
    let made: ID
    if let reused = free.popLast() {
      folders[Int(reused)] = folder
      made = reused
    } else {
      made = ID(folders.count)
      folders.append(folder)
    }
    folders[Int(id)].children[name] = made
    return made
  }

  /// Gives the folder a watch. Answers the one that it had when no folder needs that any more.
  mutating func setWatch(of id: ID, to watch: Int32) -> Int32? {
    guard folders[Int(id)].watch != watch else { return nil }
    let unused = dropWatch(of: id)
    folders[Int(id)].watch = watch
    if watch == Self.noWatch { return unused }
    if byWatch[watch] == nil { byWatch[watch] = id } else { shared[watch, default: []].append(id) }
    return unused
  }

  /// The system ended a watch: no folder has it any more.
  mutating func forget(watch: Int32) {
    for id in folders(watchedBy: watch) { folders[Int(id)].watch = Self.noWatch }
    byWatch[watch] = nil
    shared[watch] = nil
  }

  /// Takes a folder with everything below it out of its parent; it has no path until it is attached again.
  mutating func detach(_ id: ID) {
    let folder = folders[Int(id)]
    guard folder.parent != Self.detached else { return }
    folders[Int(folder.parent)].children[folder.name] = nil
    folders[Int(id)].parent = Self.detached
  }

  /// Puts a folder that was taken out into a parent where nothing has that name.
  mutating func attach(_ id: ID, to parent: ID, _ name: [UInt8]) {
    folders[Int(id)].parent = parent
    folders[Int(id)].name = name
    folders[Int(parent)].children[name] = id
  }

  /// Removes a folder with everything below it. Answers the watches that no folder needs any more, and the folders.
  mutating func remove(_ id: ID) -> (watches: [Int32], folders: [ID]) {
    if id != Self.root { detach(id) }
    var (watches, removed): ([Int32], [ID]) = ([], [])
    var stack = [id]
    while let next = stack.popLast() {
      stack += folders[Int(next)].children.values
      if let unused = dropWatch(of: next) { watches.append(unused) }
      folders[Int(next)] = Folder(parent: Self.detached, name: [])
      removed.append(next)
      if next != Self.root { free.append(next) }
    }
    return (watches, removed)
  }

  private mutating func dropWatch(of id: ID) -> Int32? {
    let watch = folders[Int(id)].watch
    guard watch != Self.noWatch else { return nil }
    folders[Int(id)].watch = Self.noWatch
    var others = folders(watchedBy: watch).filter { $0 != id }
    guard let first = others.popLast() else {
      byWatch[watch] = nil
      return watch
    }
    byWatch[watch] = first
    shared[watch] = others.isEmpty ? nil : others
    return nil
  }
}
