import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension DirectorySource {
  /// The place of an item, where its file can be written back; folders that are missing above it are made.
  ///
  /// Nothing outside of the root is reached, whatever links there are: where the source ignores links, none is followed,
  /// and where it follows them, none that leads out.
  /// - Parameter mask: what a new file and new folders do not get of the permissions; `nil` for the process's own.
  /// - Throws: `FreshetError` with `source_unavailable`, `invalid_argument` for a path that leads out of the root, or for a
  ///   failed call.
  public func place(of path: [UInt8], mask: FileMask? = nil) throws -> GuardedReplacement {
    let names = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let special = [[], Array(".".utf8)[...], Array("..".utf8)[...]]
    guard let name = names.last, !path.contains(0), !names.contains(where: { special.contains($0) }) else {
      throw FreshetError(
        .invalidArgument,
        "the path must lead from the source's root into it, without “..”",
        path: origin(of: path)
      )
    }
    let root = try roots.current()
    let above = Array(path[..<max(0, path.count - name.count - 1)])
    return GuardedReplacement(
      name: Array(name),
      in: try folder(above, root, mask: mask),
      path: location + "/" + origin(of: path),
      mask: mask
    )
  }

  /// The folder at a path, made where it is missing.
  private func folder(_ path: [UInt8], _ root: DirectoryRoot, mask: FileMask?) throws -> Descriptor {
    if let folder = try folder(path, root) { return folder }
    let location = location + "/" + origin(of: path)
    let slash = path.lastIndex(of: UInt8(ascii: "/"))
    let parent = try folder(slash.map { Array(path[..<$0]) } ?? [], root, mask: mask)
    let name = slash.map { Array(path[($0 + 1)...]) } ?? path
    let permissions: mode_t = 0o777
    let result = DirectoryRoot.withPath(name[...]) {
      mkdirat(parent.number, $0, mask?.remaining(of: permissions) ?? permissions) == 0 ? 0 : errno
    }
    guard result == 0 || result == EEXIST else { throw FreshetError.system(result, "make the folder", path: location) }
    try parent.synchronize(path: self.location)
    // What cannot be opened now is a link that leads nowhere.
    guard let made = try folder(path, root) else {
      throw FreshetError.system(ENOENT, "open the folder", path: location)
    }
    if result == 0 { try mask?.settle(permissions, of: made, path: location) }
    return made
  }

  /// The folder at a path, reached as the source follows links; `nil` where nothing is.
  private func folder(_ path: [UInt8], _ root: DirectoryRoot) throws -> Descriptor? {
    let flags = O_RDONLY | O_DIRECTORY
    let number =
      configuration.links == .ignore ? root.openWithoutLinks(path, flags: flags) : root.open(path, flags: flags)
    if number >= 0 { return Descriptor(owning: number) }
    if number == -ENOENT, !path.isEmpty { return nil }
    let location = location + "/" + origin(of: path)
    if number == -EXDEV || number == -ELOOP || number == -ENOTDIR {
      throw FreshetError(
        .invalidArgument,
        "a link or a file stands where a folder of the source is to be, and nothing is written through it; remove it, or "
          + "choose another place",
        path: location
      )
    }
    throw FreshetError.system(number, "open the folder", path: location)
  }
}
