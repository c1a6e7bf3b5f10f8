import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension FileLock {
  /// Sends a signal to the process that holds a lock, when it is certain which one that is: the process of the number in
  /// the file has this very file open. A number from another container is some other process's here.
  ///
  /// - Returns: the process; `nil` when none holds the lock, or it is not certain, or not this user's to signal.
  /// - Throws: `FreshetError` when the lock cannot be read.
  public static func signalOwner(of path: String, _ signal: Int32) throws -> Int32? {
    guard let process = try owner(path), process > 0, let file = try FileIdentity.present(at: path),
      isOpen(file, in: process)
    else { return nil }
    return kill(process, signal) == 0 ? process : nil
  }

  /// Whether a process has a file open, as far as this user may know (proc(5)).
  private static func isOpen(_ file: FileIdentity, in process: Int32) -> Bool {
    let folder = "/proc/\(process)/fd"
    guard let names = try? FileSystem.names(in: folder) else { return false }
    return names.contains { name in
      (try? FileIdentity.present(at: folder + "/" + String(decoding: name, as: UTF8.self))) == file
    }
  }
}
