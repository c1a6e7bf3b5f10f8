import FreshetModel
import FreshetSystem

/// What a collection's folder holds.
public struct CollectionFolder: Sendable, Hashable {
  /// The folder's absolute path.
  public let path: String

  /// Names a folder; nothing is read or made.
  public init(path: String) {
    self.path = path
  }

  /// The database: the only truth.
  public var database: String { path + "/collection.sqlite" }
  /// The folder of the vector index: derived, may be deleted at any time.
  public var index: String { path + "/index" }
  /// The file that the one writer locks; it holds the writer's process number.
  public var lock: String { path + "/lock" }

  /// The socket at which a running service takes requests.
  public var controlSocket: String { path + "/control.socket" }

  /// What a service says of itself in the lock.
  static let serviceNote = "service"

  /// The file that the one process locks which hands events over to webhooks and mail.
  public var deliveryLock: String { path + "/delivery" }

  /// The process that has the collection open for writing, and whether it is a service; `nil` when none has.
  public func writer() throws -> (process: Int32, isService: Bool)? {
    guard let process = try FileLock.owner(lock) else { return nil }
    return (process, try FileLock.note(lock) == Self.serviceNote)
  }

  /// Whether there is a collection.
  public func exists() throws -> Bool { try FileSystem.exists(database) }
}
