import FreshetModel
import FreshetSources
import FreshetSync
import FreshetSystem
import Synchronization

/// The documents that failed for good in one run.
final class FailedFiles: Sendable {
  /// Failures of one run that are remembered; the next run over everything sees to the others.
  private static let most = 10_000

  private let failures = Mutex<[FailureRecord]>([])

  var all: [FailureRecord] { failures.withLock { $0 } }

  func add(_ failure: FailureRecord) {
    guard Collection.isForGood(failure) else { return }
    failures.withLock { if $0.count < Self.most { $0.append(failure) } }
  }
}

extension Collection {
  /// What fails because of the file itself. Whatever else fails (an embedder, a disk, a program that is missing) would
  /// move files that are well.
  private static let documentCodes: Set<FreshetError.Code> = [
    .noText, .encrypted, .parserFailed, .parserTimeout, .tooComplex,
  ]

  /// Whether a failure is one of its document for good.
  static func isForGood(_ failure: FailureRecord) -> Bool {
    !failure.error.isTransient && failure.contentHash != nil && documentCodes.contains(failure.error.code)
  }

  private func failedFilesSources() throws -> [String: DirectorySource] {
    guard configuration.failures.folder != nil else { return [:] }
    return Dictionary(try directorySources().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Moves the files of documents that failed for good into their sources' folder for them; does nothing without
  /// `failures.folder`.
  ///
  /// Only a file whose whole content is the one document that failed, and that has still the content that failed. Its
  /// document stays as it is, with its last good state and its history.
  ///
  /// - Parameter failures: those to look at; `nil` for all on record.
  /// - Returns: what was moved, and what could not be. What is no longer there, or changed, is not told.
  @discardableResult
  func setAside(_ failures: [FailureRecord]?) async throws -> [SetAsideFile] {
    // A service asks after each save.
    if let failures, failures.isEmpty { return [] }
    let sources = try failedFilesSources()
    guard !sources.isEmpty else { return [] }
    var all = failures ?? []
    if failures == nil { all = try await self.failures() }
    var told: [SetAsideFile] = []
    for failure in all where Self.isForGood(failure) {
      guard let source = sources[failure.source], let hash = failure.contentHash,
        source.origin(of: failure.itemPath) == failure.origin
      else { continue }
      var file = SetAsideFile(source: failure.source, origin: failure.origin)
      do {
        let note = Self.note(of: failure)
        let place = try await pool.run { [fileMask] in
          try source.setAside(failure.itemPath, content: hash, note: note, mask: fileMask)
        }
        guard let place else { continue }
        file.place = source.origin(of: place)
      } catch {
        file.error = FreshetErrorRecord(FreshetError.describing(error))
      }
      told.append(file)
    }
    return told
  }

  /// Moves files back that were set aside, where their place is free, so that they are tried again.
  func putBack(_ request: SyncRequest) async throws {
    let sources = try failedFilesSources()
    guard !sources.isEmpty else { return }
    for failure in try await failures() where Self.isForGood(failure) {
      guard let source = sources[failure.source] else { continue }
      if !request.items.isEmpty, request.items[failure.source]?.contains(failure.itemPath) != true { continue }
      try await pool.run { [fileMask] in _ = try source.putBack(failure.itemPath, mask: fileMask) }
    }
  }

  /// Those of failures whose items' files lie in their source's folder for failed ones, with where.
  func setAside(among failures: [FailureRecord]) async throws -> [(failure: FailureRecord, place: String)] {
    let sources = try failedFilesSources()
    guard !sources.isEmpty else { return [] }
    var found: [(failure: FailureRecord, place: String)] = []
    for failure in failures {
      guard let source = sources[failure.source] else { continue }
      guard let place = try await pool.run({ try source.placeSetAside(of: failure.itemPath) }) else { continue }
      found.append((failure, source.origin(of: place)))
    }
    return found
  }

  private static func note(of failure: FailureRecord) -> String {
    """
    File      \(failure.source):\(line(failure.origin))
    Cause     \(failure.error.code.rawValue)
              \(line(failure.error.message))
    Attempts  \(failure.attempts), from \(failure.firstAt) to \(failure.lastAt)
    Content   sha256 \(failure.contentHash.map { "\($0)" } ?? "")

    What was searchable of it before still is. Mend the file and move it back to its place to have it tried again, or
    call `freshet failures retry`, which moves it back as it is. Remove it to have its document deleted.

    """
  }

  /// A text on one line.
  private static func line(_ text: String) -> String {
    var line = ""
    for scalar in text.unicodeScalars { line.unicodeScalars.append(scalar.value < 0x20 ? "\u{FFFD}" : scalar) }
    return line
  }
}
