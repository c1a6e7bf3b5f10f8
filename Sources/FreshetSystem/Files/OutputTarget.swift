import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where output goes that a person named a path for.
///
/// A link stands for what it leads to, as it does for a shell: it is never replaced itself.
public enum OutputTarget: Hashable, Sendable {
  /// A regular file, to be replaced whole: its path behind all links, and the permissions that it has.
  case file(path: String, permissions: mode_t)
  /// Nothing yet: the path where a file is to be made, behind all links.
  case newFile(path: String)
  /// A device, a pipe, a socket: to be opened and written as it is.
  case stream(path: String)

  /// Links after which a path counts as a circle, as Linux has it.
  public static let linksMax = 40

  /// Looks at what is at the path.
  ///
  /// - Throws: `FreshetError` for a folder, a circle of links, and what cannot be examined.
  public init(of path: String) throws {
    var current = path
    for _ in 0...Self.linksMax {
      let status: FileStatus
      do {
        status = try FileStatus(of: current, followingLinks: false)
      } catch let error as FreshetError where error.code == .notFound {
        guard current.utf8.last != UInt8(ascii: "/"), !current.isEmpty else {
          throw FreshetError.system(EISDIR, "write it", path: path)
        }
        self = .newFile(path: current)
        return
      }
      switch status.kind {
      case .folder: throw FreshetError.system(EISDIR, "write it", path: path)
      case .file:
        self = .file(path: current, permissions: mode_t(status.permissions & 0o777))
        return
      case .link:
        // What a link of `/proc` leads to may have no path: a pipe, a terminal.
        if let kind = try? FileStatus(of: current).kind, kind != .file, kind != .folder {
          self = .stream(path: current)
          return
        }
        let target = try FileSystem.target(ofLink: current)
        let folder = FileSystem.split(current).folder
        current = target.utf8.first == UInt8(ascii: "/") ? target : folder + "/" + target
      case .pipe, .socket, .device, .unknown:
        self = .stream(path: current)
        return
      }
    }
    throw FreshetError.system(ELOOP, "write it", path: path)
  }

  /// Begins to write a file that is replaced whole; `nil` for a stream.
  ///
  /// A file that is there keeps its permissions.
  /// - Throws: `FreshetError`.
  public func replacement() throws -> FileReplacement? {
    switch self {
    case .file(let path, let permissions):
      try FileReplacement(of: path, permissions: permissions, ignoresMask: true)
    case .newFile(let path): try FileReplacement(of: path)
    case .stream: nil
    }
  }
}

extension FileSystem {
  /// The path that a link holds, as it stands there.
  ///
  /// - Throws: `FreshetError`, also when the target is no UTF-8.
  static func target(ofLink path: String) throws -> String {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = bytes.withUnsafeMutableBytes { buffer in
      buffer.baseAddress.map { readlink(path, $0.assumingMemoryBound(to: CChar.self), buffer.count) } ?? 0
    }
    guard count >= 0 else { throw FreshetError.system(errno, "follow the link", path: path) }
    guard let target = String(validating: bytes[..<count], as: UTF8.self) else {
      throw FreshetError(.unreadable, "the link leads to a name that is no UTF-8; name the file itself", path: path)
    }
    return target
  }
}
