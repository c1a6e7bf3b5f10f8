import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// An opened root: everything below is reached from its descriptor, and nothing outside of it.
struct DirectoryRoot: Sendable {
  let folder: Descriptor
  let status: FileStatus
  let volume: Volume
  /// Numbers for the file systems below it.
  let volumes = VolumeNumbers()
  private let path: String

  /// - Throws: `FreshetError` with `source_unavailable`.
  init(_ configuration: DirectoryConfiguration) throws {
    do {
      folder = try Descriptor(opening: configuration.path, flags: O_RDONLY | O_DIRECTORY)
      status = try folder.status()
      volume = try Volume(of: folder.number)
      path = configuration.path
    } catch let error as FreshetError {
      throw FreshetError(
        .sourceUnavailable,
        "the source “\(configuration.name)” cannot be listed, so nothing of it counts as deleted: \(error.message)",
        path: configuration.path,
        permanence: .transient(retryAfter: nil)
      )
    }
  }

  /// File system, inode and type of file system.
  var identity: String {
    let (device, inode) = (volumes.number(of: status.fingerprint.device, at: folder.number), status.fingerprint.inode)
    return String(device, radix: 16) + ":" + String(inode, radix: 16) + " " + String(volume.type, radix: 16)
  }

  /// The longest piece of a path that one call takes.
  private static let pieceMax = 3_000

  /// Opens a path below the root; links are followed as long as they stay inside. Answers the descriptor or the negated
  /// errno: `-EXDEV` when it leads out.
  func open(_ path: [UInt8], flags: Int32) -> Int32 {
    let result = openBeneath(path, flags: flags)
    guard result == -EXDEV || result == -ENOSYS else { return result }
    if result == -ENOSYS { return openWithoutLinks(path, flags: flags) }
    // An absolute link that points inside the root: the kernel refuses every absolute link here. Links further on may lead
    // out again, so the resolved path is opened under the same guard.
    let slash = UInt8(ascii: "/")
    guard let own = resolvedPath(), let target = FileSystem.resolved(own + [slash] + path) else { return result }
    let inside = own == [slash] ? own : own + [slash]
    guard target.starts(with: inside) else { return -EXDEV }
    return openBeneath(Array(target[inside.count...]), flags: flags)
  }

  /// The root's own path without links, if this root is still there. Its bytes need not be UTF-8, also when the
  /// configured path, a link, is.
  private func resolvedPath() -> [UInt8]? {
    guard let now = try? FileStatus(of: path), isSame(now) else { return nil }
    return FileSystem.resolved(Array(path.utf8))
  }

  /// Whether what is at the path now is this root.
  func isSame(_ status: FileStatus) -> Bool {
    status.identity == self.status.identity
  }

  private func openBeneath(_ path: [UInt8], flags: Int32) -> Int32 {
    var rest = path[...]
    var held: Descriptor?
    // A path longer than the system takes is opened in pieces.
    while rest.count > Self.pieceMax {
      guard let slash = rest.prefix(Self.pieceMax).lastIndex(of: UInt8(ascii: "/")) else { return -ENAMETOOLONG }
      let next = Self.withPath(rest[..<slash]) {
        freshet_open_beneath(held?.number ?? folder.number, $0, freshet_path_only | O_DIRECTORY)
      }
      guard next >= 0 else { return next }
      held = Descriptor(owning: next)
      rest = rest[(slash + 1)...]
    }
    return Self.withPath(rest) { freshet_open_beneath(held?.number ?? folder.number, $0, flags) }
  }

  /// For kernels without `openat2`: name by name, and no link at all.
  func openWithoutLinks(_ path: [UInt8], flags: Int32) -> Int32 {
    let names = path.split(separator: UInt8(ascii: "/"))
    guard let last = names.last else { return Self.withPath([]) { freshet_open_at(folder.number, $0, flags, 0) } }
    var held = folder
    for name in names.dropLast() {
      guard name != Array("..".utf8)[...] else { return -EXDEV }
      let next = Self.withPath(name) {
        freshet_open_at(held.number, $0, freshet_path_only | O_DIRECTORY | O_NOFOLLOW, 0)
      }
      guard next >= 0 else { return next }
      held = Descriptor(owning: next)
    }
    guard last != Array("..".utf8)[...] else { return -EXDEV }
    return Self.withPath(last) { freshet_open_at(held.number, $0, flags | O_NOFOLLOW, 0) }
  }

  static func withPath<Result>(_ path: ArraySlice<UInt8>, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    let text = (path.isEmpty ? [UInt8(ascii: ".")] : Array(path)) + [0]
    return text.withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { characters in
        guard let start = characters.baseAddress else { return body("") }
        return body(start)
      }
    }
  }
}
