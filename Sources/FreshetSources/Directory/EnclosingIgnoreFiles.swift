import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The `.gitignore` files above a source's root that git obeys in it: those from the root of its repository down.
///
/// They are about what is in the source. Its root itself was named by somebody who wants it listed, so a rule that is
/// about the root, or about a folder above it, leaves nothing out.
struct EnclosingIgnoreFiles: Sendable {
  struct File: Sendable {
    /// Its absolute path.
    let name: String
    let rules: IgnoreRules
    /// The path from its folder to the source's root, with a slash at its end.
    let lead: [UInt8]
  }

  let files: [File]

  /// Reads them; none for a source whose root is the repository's, or is in none.
  ///
  /// - Throws: `FreshetError` for one that is there and cannot be obeyed.
  init(above source: DirectoryConfiguration) throws {
    guard let (real, ends) = Self.chain(above: source) else {
      files = []
      return
    }
    let slash = UInt8(ascii: "/")
    files = try ends.flatMap { end in
      let folder = Self.folder(real, end)
      let lead = Array(real[(end + 1)...]) + [slash]
      let name = String(decoding: folder, as: UTF8.self)
      let number = (folder + [0]).withUnsafeBytes {
        freshet_open_at(AT_FDCWD, $0.baseAddress?.assumingMemoryBound(to: CChar.self), freshet_path_only, 0)
      }
      guard number >= 0 else { throw FreshetError.system(number, "read its .gitignore", path: name) }
      do {
        return try IgnoreFiles(names: [IgnoreFiles.gitName]).read(in: Descriptor(owning: number)).map {
          File(name: (name == "/" ? "" : name) + "/" + $0.name, rules: $0.rules, lead: lead)
        }
      } catch let error as FreshetError {
        throw error.about(name)
      }
    }
  }

  /// The folders above the root whose ignore files are read when they have one, from the repository's root down.
  static func folders(above source: DirectoryConfiguration) -> [[UInt8]] {
    chain(above: source).map { real, ends in ends.map { folder(real, $0) } } ?? []
  }

  private static func folder(_ real: [UInt8], _ end: Int) -> [UInt8] {
    end == 0 ? [UInt8(ascii: "/")] : Array(real[..<end])
  }

  /// The root's path without links, and the lengths of those of the folders above it that belong to its repository.
  private static func chain(above source: DirectoryConfiguration) -> (real: [UInt8], ends: [Int])? {
    guard source.respectsGitignore, let real = FileSystem.resolved(Array(source.path.utf8)),
      let depth = repository(of: real)
    else { return nil }
    return (real, real.indices.filter { real[$0] == UInt8(ascii: "/") && $0 >= depth })
  }

  /// The length of the path of the nearest folder above that has a `.git`; `nil` when the root has one itself, or none.
  private static func repository(of root: [UInt8]) -> Int? {
    func hasGit(_ end: Int) -> Bool {
      (Array(root[..<end]) + Array("/.git".utf8) + [0]).withUnsafeBytes { bytes in
        var status = stat()
        return bytes.baseAddress.map { lstat($0.assumingMemoryBound(to: CChar.self), &status) } == 0
      }
    }
    guard root != [UInt8(ascii: "/")], !hasGit(root.count) else { return nil }
    return root.indices.reversed().first { root[$0] == UInt8(ascii: "/") && hasGit($0) }
  }
}
