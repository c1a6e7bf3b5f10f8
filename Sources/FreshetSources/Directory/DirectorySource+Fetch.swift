import FreshetModel
import FreshetSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension DirectorySource {
  private static let readAttemptsMax = 3

  public func fetch(_ item: ListedItem) async throws -> FetchedItem {
    let root = try roots.current()
    let origin = PathEncoding.origin(of: item.path)
    for _ in 0..<Self.readAttemptsMax {
      try Task.checkCancellation()
      if let fetched = try read(item.path, root: root, origin: origin) { return fetched }
    }
    throw FreshetError(
      .changedWhileRead,
      "the file changed each of the \(Self.readAttemptsMax) times that it was read; it is tried again at the next sync",
      path: origin,
      permanence: .transient(retryAfter: nil)
    )
  }

  /// `nil` when the file changed meanwhile.
  private func read(_ path: [UInt8], root: DirectoryRoot, origin: String) throws -> FetchedItem? {
    // A pipe must not make the opening wait.
    var flags = O_RDONLY | O_NONBLOCK | O_NOCTTY
    if configuration.links == .ignore { flags |= O_NOFOLLOW }
    let number = root.open(path, flags: flags)
    guard number >= 0 else {
      if number == -ENXIO { throw notRegular(origin) }
      throw failure(-number, "open the file", origin)
    }
    let file = Descriptor(owning: number)
    let observed = clock.now().nanoseconds
    let before = try file.status()
    guard before.kind == .file else { throw notRegular(origin) }
    let limit = Int(clamping: configuration.fileSizeMax)
    var bytes: [UInt8] = []
    let expected = Int(clamping: before.fingerprint.size)
    guard expected <= limit, try file.read(into: &bytes, limit: limit, expected: expected, path: origin) else {
      throw FreshetError(
        .fileTooLarge,
        "the file is above the limit of \(limit) bytes; raise sync.max_file_size to include it",
        path: origin
      )
    }
    let after = try file.status()
    guard after.fingerprint == before.fingerprint, bytes.count == expected else { return nil }
    return FetchedItem(
      bytes: bytes,
      fingerprint: after.fingerprint.on(
        volume: root.volumes.number(of: after.fingerprint.device, at: file.number)
      ),
      isRacy: after.fingerprint.isRacy(observed: observed, granularity: root.volume.granularity),
      modified: Timestamp(nanoseconds: after.fingerprint.modified),
      owner: ownerName(after.owner)
    )
  }

  private func failure(_ number: Int32, _ action: String, _ origin: String) -> FreshetError {
    let error = FreshetError.system(number, action, path: origin)
    // The contract knows two codes for what cannot be opened.
    return error.code == .notFound
      ? error : FreshetError(.unreadable, error.message, path: origin, permanence: error.permanence)
  }

  private func notRegular(_ origin: String) -> FreshetError {
    FreshetError(.unreadable, "it is no regular file any more; nothing of it is read", path: origin)
  }

  private func ownerName(_ user: UInt32) -> String? {
    owners.withLock { owners in
      if let known = owners[user] { return known }
      let name = ProcessEnvironment.userName(user)
      owners[user] = .some(name)
      return name
    }
  }
}
