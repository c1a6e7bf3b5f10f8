import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Files that failed for good, in a folder of their own below the root (`DirectoryConfiguration.setAsideFolder`).
///
/// A file moves there in one step within its file system, or not at all. Nothing is overwritten, on either way, and no link
/// is followed: neither at the file, nor in the folders above it, nor in those that it moves to. As long as it lies there,
/// its item does not count as gone.
extension DirectorySource {
  /// Files of one path that may lie in the folder.
  static let setAsideMax = 9
  /// What the note beside a file is called after it.
  private static let noteSuffix = Array(".error.txt".utf8)
  /// How a note of ours begins; only such a one is replaced.
  private static let noteHead = "Freshet could not take this file up."
  /// Bytes of a note that are read.
  private static let noteLimit = 64 << 10

  /// Moves the file of an item into the folder, with a note beside it.
  ///
  /// - Parameters:
  ///   - hash: the content that failed; a file with another one stays, since nobody has tried it.
  ///   - note: what went wrong, for people.
  ///   - mask: what the note and new folders do not get of the permissions; `nil` for the process's own.
  /// - Returns: where it is now, relative to the root; `nil` when it is not at its place any more, changed, or is being
  ///   written.
  /// - Throws: `FreshetError` when it cannot be moved: it is where it was then.
  public func setAside(
    _ path: [UInt8],
    content hash: ContentHash,
    note: String,
    mask: FileMask? = nil
  ) throws -> [UInt8]? {
    guard let folder = configuration.setAsideFolder else { return nil }
    let root = try roots.current()
    guard let place = try SetAsidePlace(path, in: root), let file = try place.open(hash: hash) else { return nil }
    // What is still being written is no failure yet: the next run over everything looks again.
    if WriterProbe(self).writers(of: path) == .some { return nil }
    let target = try Self.made(Array(folder.utf8) + [UInt8(ascii: "/")] + place.folder, in: root, mask, origin: folder)
    let origin = self.origin(of: path)
    for number in 1...Self.setAsideMax {
      let name = Self.numbered(place.name, number)
      let text = Array((Self.noteHead + "\n\n" + note + Self.mark(of: path)).utf8)
      guard try !Self.exists(name, in: target), try Self.write(text, beside: name, in: target, mask, origin) else {
        continue
      }
      do {
        try Self.move(place.name, in: place.parent, to: name, in: target, origin: origin)
        guard try file.status().isSame(as: place.status) else {
          // Somebody wrote it in that moment: it belongs back.
          try Self.move(name, in: target, to: place.name, in: place.parent, origin: origin)
          Self.remove(name + Self.noteSuffix, in: target)
          return nil
        }
        try target.synchronize(path: origin)
        try place.parent.synchronize(path: origin)
        let rest = place.folder.isEmpty ? name : place.folder + [UInt8(ascii: "/")] + name
        return Array(folder.utf8) + [UInt8(ascii: "/")] + rest
      } catch let error as FreshetError where error.code == .wouldOverwrite {
        Self.remove(name + Self.noteSuffix, in: target)
      } catch {
        Self.remove(name + Self.noteSuffix, in: target)
        throw error
      }
    }
    throw FreshetError(
      .wouldOverwrite,
      "\(Self.setAsideMax) files of this name lie in \(folder) already; put them back or remove them",
      path: origin
    )
  }

  /// Moves the file of an item back from the folder, the newest when there are several; its note goes.
  ///
  /// - Parameter mask: what new folders do not get of the permissions; `nil` for the process's own.
  /// - Returns: whether there was one and its place was free.
  /// - Throws: `FreshetError` when it cannot be moved: it is where it was then.
  @discardableResult
  public func putBack(_ path: [UInt8], mask: FileMask? = nil) throws -> Bool {
    guard configuration.setAsideFolder != nil else { return false }
    let root = try roots.current()
    guard let held = Self.held(path, in: root, configuration) else { return false }
    let slash = UInt8(ascii: "/")
    let above = path.lastIndex(of: slash).map { Array(path[..<$0]) } ?? []
    let from = root.openWithoutLinks(held.folder, flags: O_RDONLY | O_DIRECTORY)
    guard from >= 0 else { throw FreshetError.system(from, "open its folder", path: origin(of: path)) }
    let source = Descriptor(owning: from)
    let parent = above.isEmpty ? root.folder : try Self.made(above, in: root, mask, origin: origin(of: above))
    let name = path.lastIndex(of: slash).map { Array(path[($0 + 1)...]) } ?? path
    do {
      try Self.move(held.name, in: source, to: name, in: parent, origin: origin(of: path))
    } catch let error as FreshetError where error.code == .wouldOverwrite {
      return false
    }
    try parent.synchronize(path: origin(of: path))
    if Self.isOurNote(held.name + Self.noteSuffix, in: source) { Self.remove(held.name + Self.noteSuffix, in: source) }
    return true
  }

  /// Where the file of an item lies in the folder, relative to the root; `nil` when it does not, or the item's place is not
  /// empty.
  ///
  /// - Throws: `FreshetError` with `source_unavailable`.
  public func placeSetAside(of path: [UInt8]) throws -> [UInt8]? {
    placeSetAside(of: path, in: try roots.current())
  }

  /// Whether the item's place is empty, and its file lies in the folder.
  func isSetAside(_ path: [UInt8], in root: DirectoryRoot) -> Bool { placeSetAside(of: path, in: root) != nil }

  private func placeSetAside(of path: [UInt8], in root: DirectoryRoot) -> [UInt8]? {
    guard configuration.setAsideFolder != nil else { return nil }
    let number = root.open(path, flags: freshet_path_only | O_NOFOLLOW)
    if number >= 0 { close(number) }
    guard number == -ENOENT || number == -ENOTDIR else { return nil }
    return Self.held(path, in: root, configuration).map { $0.folder + [UInt8(ascii: "/")] + $0.name }
  }

  // MARK: Places

  /// The newest file of an item in the folder, by its note (names alone may be those of two items): the folder above it and
  /// its name.
  private static func held(
    _ path: [UInt8],
    in root: DirectoryRoot,
    _ configuration: DirectoryConfiguration
  ) -> (folder: [UInt8], name: [UInt8])? {
    guard let folder = configuration.setAsideFolder else { return nil }
    let slash = UInt8(ascii: "/")
    let whole = Array(folder.utf8) + [slash] + path
    guard let last = whole.lastIndex(of: slash) else { return nil }
    let (above, name) = (Array(whole[..<last]), Array(whole[(last + 1)...]))
    let number = root.openWithoutLinks(above, flags: freshet_path_only | O_DIRECTORY)
    guard number >= 0 else { return nil }
    let parent = Descriptor(owning: number)
    let mark = mark(of: path)
    for number in (1...setAsideMax).reversed() {
      let candidate = numbered(name, number)
      guard status(candidate, in: parent)?.kind == .file else { continue }
      if let note = note(candidate + noteSuffix, in: parent), note.contains(mark) { return (above, candidate) }
    }
    return nil
  }

  private static func numbered(_ name: [UInt8], _ number: Int) -> [UInt8] {
    number == 1 ? name : name + Array(".\(number)".utf8)
  }

  private static func status(_ name: [UInt8], in folder: Descriptor) -> FileStatus? {
    var found = freshet_status()
    let result = DirectoryRoot.withPath(name[...]) { freshet_status_at(folder.number, $0, false, &found) }
    return result == 0 ? FileStatus(found) : nil
  }

  private static func exists(_ name: [UInt8], in folder: Descriptor) throws -> Bool {
    var found = freshet_status()
    let result = DirectoryRoot.withPath(name[...]) { freshet_status_at(folder.number, $0, false, &found) }
    if result == -ENOENT { return false }
    guard result == 0 else { throw FreshetError.system(result, "examine it", path: PathEncoding.origin(of: name)) }
    return true
  }

  /// The folder at a path below the root, made where it is missing; a link on the way is refused.
  private static func made(
    _ path: [UInt8],
    in root: DirectoryRoot,
    _ mask: FileMask?,
    origin: String
  ) throws -> Descriptor {
    let permissions: mode_t = 0o755
    var folder = root.folder
    for name in path.split(separator: UInt8(ascii: "/")) {
      let made = DirectoryRoot.withPath(name) {
        mkdirat(folder.number, $0, mask?.remaining(of: permissions) ?? permissions) == 0 ? 0 : errno
      }
      guard made == 0 || made == EEXIST else { throw FreshetError.system(made, "make a folder", path: origin) }
      let number = DirectoryRoot.withPath(name) {
        freshet_open_at(folder.number, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
      }
      if number == -ELOOP || number == -ENOTDIR {
        throw FreshetError(
          .invalidArgument,
          "a link or file is there, where a folder is needed; remove it",
          path: origin
        )
      }
      guard number >= 0 else { throw FreshetError.system(number, "open the folder", path: origin) }
      let next = Descriptor(owning: number)
      if made == 0 {
        try mask?.settle(permissions, of: next, path: origin)
        try folder.synchronize(path: origin)
      }
      folder = next
    }
    return folder
  }

  // MARK: Steps

  private static func move(
    _ name: [UInt8],
    in folder: Descriptor,
    to newName: [UInt8],
    in newFolder: Descriptor,
    origin: String
  ) throws {
    let result = DirectoryRoot.withPath(name[...]) { from in
      DirectoryRoot.withPath(newName[...]) { freshet_move_where_nothing_is(folder.number, from, newFolder.number, $0) }
    }
    switch result {
    case 0: return
    case -EEXIST: throw FreshetError(.wouldOverwrite, "something is there already", path: origin)
    case -EXDEV:
      throw FreshetError(
        .inputOutput,
        "the folder for failed files is on another file system; files are not copied, so it stays where it is",
        path: origin
      )
    case -EINVAL, -ENOSYS:
      throw FreshetError(
        .inputOutput,
        "this file system cannot move a file without overwriting another; it stays where it is",
        path: origin
      )
    default: throw FreshetError.system(result, "move it", path: origin)
    }
  }

  /// Writes the note where nothing is, or a note of ours; answers whether it could.
  private static func write(
    _ text: [UInt8],
    beside name: [UInt8],
    in folder: Descriptor,
    _ mask: FileMask?,
    _ origin: String
  ) throws -> Bool {
    let note = name + noteSuffix
    let isOurs = isOurNote(note, in: folder)
    do {
      _ = try GuardedReplacement(name: note, in: folder, path: origin, mask: mask).write(text) { present in
        if case .file = present, !isOurs { throw FreshetError(.wouldOverwrite, "a file is there", path: origin) }
      }
      return true
    } catch let error as FreshetError where [.wouldOverwrite, .invalidArgument, .changedWhileRead].contains(error.code)
    {
      return false
    }
  }

  /// What says in a note which item's file it stands beside.
  private static func mark(of path: [UInt8]) -> String { "Mark      \(SHA256.digest(of: path))\n" }

  private static func isOurNote(_ name: [UInt8], in folder: Descriptor) -> Bool { note(name, in: folder) != nil }

  /// A note of ours.
  private static func note(_ name: [UInt8], in folder: Descriptor) -> String? {
    let number = DirectoryRoot.withPath(name[...]) {
      freshet_open_at(folder.number, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)
    }
    guard number >= 0 else { return nil }
    var bytes: [UInt8] = []
    _ = try? Descriptor(owning: number).read(into: &bytes, limit: noteLimit, expected: noteHead.utf8.count)
    guard bytes.starts(with: noteHead.utf8) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func remove(_ name: [UInt8], in folder: Descriptor) {
    _ = DirectoryRoot.withPath(name[...]) { unlinkat(folder.number, $0, 0) }
  }
}

/// Where an item's file is: its folder, reached without a link, and its name.
private struct SetAsidePlace {
  let parent: Descriptor
  /// The folder's path from the root; empty for the root.
  let folder: [UInt8]
  let name: [UInt8]
  private(set) var status = FileStatus(freshet_status())

  /// `nil` when its folder is gone, or is reached by a link.
  init?(_ path: [UInt8], in root: DirectoryRoot) throws {
    let slash = UInt8(ascii: "/")
    folder = path.lastIndex(of: slash).map { Array(path[..<$0]) } ?? []
    name = path.lastIndex(of: slash).map { Array(path[($0 + 1)...]) } ?? path
    if folder.isEmpty {
      parent = root.folder
    } else {
      let number = root.openWithoutLinks(folder, flags: O_RDONLY | O_DIRECTORY)
      guard number >= 0 else { return nil }
      parent = Descriptor(owning: number)
    }
    var found = freshet_status()
    let result = DirectoryRoot.withPath(name[...]) { freshet_status_at(parent.number, $0, false, &found) }
    guard result == 0 else { return nil }
    status = FileStatus(found)
    guard status.kind == .file else { return nil }
  }

  /// The file, when it has that content.
  func open(hash: ContentHash) throws -> Descriptor? {
    let number = DirectoryRoot.withPath(name[...]) {
      freshet_open_at(parent.number, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)
    }
    guard number >= 0 else { return nil }
    let file = Descriptor(owning: number)
    guard try file.status().isSame(as: status) else { return nil }
    let size = Int(clamping: status.fingerprint.size)
    var content: [UInt8] = []
    guard try file.read(into: &content, limit: size, expected: size) else { return nil }
    return SHA256.digest(of: content) == hash ? file : nil
  }
}

extension FileStatus {
  /// Whether it is the same file with the same content, wherever it is: a move changes nothing of this.
  fileprivate func isSame(as other: FileStatus) -> Bool {
    let (left, right) = (fingerprint, other.fingerprint)
    return (left.device, left.inode, left.size, left.modified) == (
      right.device, right.inode, right.size, right.modified
    )
  }
}
