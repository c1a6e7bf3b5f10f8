#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Paths of a configuration: made absolute by their text, and resolved through links to judge where they lead.
enum ConfigurationPath {
  /// The absolute path without `.`, `..` and doubled slashes. `~/` stands for the home folder when there is one.
  static func absolute(_ path: String, in folder: String, home: String?) -> String {
    var text = path
    if path == "~" || path.hasPrefix("~/"), let home, home.hasPrefix("/") {
      text = home + path.dropFirst()
    } else if !path.hasPrefix("/") {
      text = folder + "/" + path
    }
    var names: [Substring] = []
    for name in text.split(separator: "/") where name != "." {
      if name == ".." { _ = names.popLast() } else { names.append(name) }
    }
    return "/" + names.joined(separator: "/")
  }

  /// The path with every link resolved; the part that does not exist yet is kept as it is.
  ///
  /// `nil` when a link on the way leads nowhere or into a circle: where it will lead cannot be known.
  static func resolved(_ absolute: String) -> String? {
    var existing = absolute
    var missing: [Substring] = []
    while true {
      if let buffer = realpath(existing, nil) {
        defer { free(buffer) }
        let base = String(cString: buffer)
        guard !missing.isEmpty else { return base }
        return (base == "/" ? "" : base) + "/" + missing.reversed().joined(separator: "/")
      }
      var status = stat()
      guard errno == ENOENT, lstat(existing, &status) != 0, let slash = existing.lastIndex(of: "/") else { return nil }
      missing.append(existing[existing.index(after: slash)...])
      existing = slash == existing.startIndex ? "/" : String(existing[..<slash])
    }
  }

  /// Whether the path is the folder or lies below it; both resolved.
  static func isInside(_ path: String, _ folder: String) -> Bool {
    path == folder || folder == "/" || path.hasPrefix(folder + "/")
  }

  /// The path relative to the folder that it lies below.
  static func relative(_ path: String, to folder: String) -> String {
    String(path.dropFirst(folder == "/" ? 1 : folder.utf8.count + 1))
  }

  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  static func lastName(of path: String) -> String {
    String(path.split(separator: "/").last ?? "")
  }
}
