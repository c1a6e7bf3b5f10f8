import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The ignore files of one folder.
///
/// One that is there and cannot be obeyed is an error, never an absent one: what it keeps out may be what must not be
/// indexed, and what it takes back must not count as deleted.
struct IgnoreFiles: Sendable {
  static let gitName = ".gitignore"
  static let ownName = ".freshetignore"

  /// Which of them are obeyed, in the order in which they count: `.freshetignore` has the last word.
  let names: [String]

  init(respectsGitignore: Bool) {
    names = respectsGitignore ? [Self.gitName, Self.ownName] : [Self.ownName]
  }

  init(names: [String]) {
    self.names = names
  }

  /// The rules that hold in a folder.
  ///
  /// A `.gitignore` that is a link or no regular file is none, as for git.
  /// - Parameter present: whether a name is known to be there; a folder that was just read needs no further look.
  /// - Throws: `FreshetError`, not about a path yet, for a file that cannot be read or is above its limits.
  func read(in folder: Descriptor, present: (String) -> Bool = { _ in true }) throws -> [(
    name: String, rules: IgnoreRules
  )] {
    var found: [(name: String, rules: IgnoreRules)] = []
    for name in names where present(name) {
      if let rules = try Self.rules(name, in: folder) { found.append((name, rules)) }
    }
    return found
  }

  private static func rules(_ name: String, in folder: Descriptor) throws -> IgnoreRules? {
    do {
      let status = try FileStatus(of: name, in: folder, followingLinks: false)
      guard status.kind == .file else {
        if name == gitName { return nil }
        throw FreshetError(.unreadable, "it is no regular file; replace it by one")
      }
      let file = try Descriptor(opening: name, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK, in: folder)
      var bytes: [UInt8] = []
      let expected = Int(clamping: status.fingerprint.size)
      guard try file.read(into: &bytes, limit: IgnoreRules.fileSizeMax, expected: expected) else {
        throw FreshetError(.fileTooLarge, "it is above \(IgnoreRules.fileSizeMax) bytes; write fewer rules")
      }
      return try IgnoreRules(bytes)
    } catch let error as FreshetError where error.code == .notFound {
      return nil
    } catch let error as FreshetError {
      throw FreshetError(
        error.code,
        "its \(name) cannot be obeyed, so nothing in this folder is listed or counts as deleted: \(error.message)",
        permanence: error.permanence
      )
    }
  }
}
