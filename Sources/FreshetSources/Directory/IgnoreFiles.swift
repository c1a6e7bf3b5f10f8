import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The ignore files of one folder, in the order in which they count: `.freshetignore` has the last word.
enum IgnoreFiles {
  static let names = [".gitignore", ".freshetignore"]

  /// Those that are there and can be read; a link or a folder of that name is none, as for git.
  static func read(in folder: Descriptor) -> [(name: String, rules: IgnoreRules)] {
    names.compactMap { name in
      guard
        let file = try? Descriptor(opening: name, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK, in: folder),
        let status = try? file.status(), status.kind == .file
      else { return nil }
      var bytes: [UInt8] = []
      let expected = Int(clamping: status.fingerprint.size)
      guard (try? file.read(into: &bytes, limit: IgnoreRules.fileSizeMax, expected: expected)) != nil else {
        return nil
      }
      return (name, IgnoreRules(bytes))
    }
  }
}
