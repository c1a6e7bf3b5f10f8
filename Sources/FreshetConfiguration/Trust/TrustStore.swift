import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What this user has allowed configurations to reach: one pin a configuration file, kept with the user, never in the
/// project.
///
/// A pin is the digest of the values that need trust. When one of them changes, or leads elsewhere because a link was
/// moved, the pin no longer holds.
public struct TrustStore: Sendable {
  /// The folder with the pins: mode 700, its files 600.
  public let folder: String

  /// Keeps pins in that folder, which `trust` makes when it is missing.
  public init(folder: String) {
    self.folder = folder
  }

  /// The user's own: `freshet/trust` in `XDG_CONFIG_HOME`, or in `~/.config`; without `HOME`, in that of the home folder
  /// that the system has on record for the user.
  ///
  /// - Throws: `FreshetError` with `untrusted_configuration` when none of them is an absolute folder.
  public static func standard(environment: [String: String]? = nil) throws -> TrustStore {
    let variables = environment ?? ProcessEnvironment.all()
    if let base = variables["XDG_CONFIG_HOME"], base.hasPrefix("/") {
      return TrustStore(folder: base + "/freshet/trust")
    }
    for home in [variables["HOME"], ProcessEnvironment.registeredHome] {
      if let home, home.hasPrefix("/") { return TrustStore(folder: home + "/.config/freshet/trust") }
    }
    throw FreshetError(
      .untrustedConfiguration,
      "There is no place for what you trust: set HOME or XDG_CONFIG_HOME to an absolute folder."
    )
  }

  /// Whether everything in the configuration that needs it was trusted as it is now.
  ///
  /// - Throws: `FreshetError` when the pin is there and cannot be read, or others may have written it.
  public func isTrusted(_ configuration: Configuration) throws -> Bool {
    guard !configuration.trustRequirements.isEmpty else { return true }
    guard let file = configuration.file else { return true }
    let path = pinPath(of: file)
    var status = stat()
    guard lstat(path, &status) == 0 else { return false }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
      throw FreshetError(
        .untrustedConfiguration,
        "others may have written what you trust; remove the file and run `freshet trust` again.",
        path: path
      )
    }
    let pin = try BoundedFile.read(path, limit: 16_384)
    return pin == content(of: configuration, file: file)
  }

  /// Passes a trusted configuration.
  ///
  /// - Throws: `FreshetError` with `untrusted_configuration` that names each key, its value and what it would do.
  public func require(_ configuration: Configuration) throws {
    guard try !isTrusted(configuration) else { return }
    let list = configuration.trustRequirements.map { "`\($0.key)` \($0.effect): \($0.value.shown)" }
    throw FreshetError(
      .untrustedConfiguration,
      "this configuration reaches beyond its own folder: \(list.joined(separator: "; ")). If that is what you want, run "
        + "`freshet trust` (or use `--trust` for this call).",
      path: configuration.file
    )
  }

  /// Pins what needs trust now; a second call changes nothing. Nothing is written when nothing needs it.
  ///
  /// - Throws: `FreshetError` with `input_output` when the pin cannot be written.
  public func trust(_ configuration: Configuration) throws {
    guard let file = configuration.file, !configuration.trustRequirements.isEmpty else { return }
    try makeFolder()
    let path = pinPath(of: file)
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max))"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("cannot be written", temporary) }
    var isWritten = false
    defer { if !isWritten { unlink(temporary) } }
    let bytes = content(of: configuration, file: file)
    let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    let error = count == bytes.count && fsync(descriptor) == 0 ? nil : failure("cannot be written", temporary)
    close(descriptor)
    if let error { throw error }
    guard rename(temporary, path) == 0 else { throw failure("cannot be written", path) }
    isWritten = true
  }

  /// Forgets the configuration's pin; `false` when there was none.
  @discardableResult public func revoke(_ configuration: Configuration) throws -> Bool {
    guard let file = configuration.file else { return false }
    let path = pinPath(of: file)
    if unlink(path) == 0 { return true }
    guard errno == ENOENT else { throw failure("cannot be removed", path) }
    return false
  }

  private func pinPath(of file: String) -> String {
    folder + "/" + SHA256.digest(of: Array(realFile(file).utf8)).description.prefix(32)
  }

  private func content(of configuration: Configuration, file: String) -> [UInt8] {
    let digest = TrustRequirement.digest(of: configuration.trustRequirements)
    return Array("freshet-trust 1\n\(digest)\n\(realFile(file))\n".utf8)
  }

  private func realFile(_ file: String) -> String { ConfigurationPath.resolved(file) ?? file }

  private func makeFolder() throws {
    var path = ""
    for name in folder.split(separator: "/") {
      path += "/" + name
      guard mkdir(path, 0o700) == 0 || errno == EEXIST || errno == EROFS || errno == EACCES else {
        throw failure("cannot be made", path)
      }
    }
    var status = stat()
    guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw failure("cannot be made", folder)
    }
    guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
      throw FreshetError(
        .untrustedConfiguration,
        "others can write to this folder; run `chmod 700` on it.",
        path: folder
      )
    }
  }

  private func failure(_ what: String, _ path: String) -> FreshetError {
    FreshetError(.inputOutput, "\(what): \(String(cString: strerror(errno))).", path: path)
  }
}
