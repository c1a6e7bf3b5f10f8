import CSystem
import FreshetModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A socket with a name in a folder, by which processes of one user on one machine find each other (unix(7)).
public final class LocalSocket: Sendable {
  /// Connections that may wait to be accepted.
  private static let backlog: Int32 = 16

  /// Connections that may have said nothing yet; for one more, the oldest is closed.
  private static let silentMax = 64
  /// How long a connection may say nothing.
  private static let silence = Duration.seconds(2)

  private let listener: Descriptor
  private let place: Descriptor
  private let path: String
  /// Which file the name is of; no other one has the same while the listener is open.
  private let identity: FileIdentity
  private let silent = Mutex<[(connection: MessageSocket, until: ContinuousClock.Instant)]>([])
  private let isClosed = Atomic(false)

  /// Listens at a path, in the place of whatever socket was left there. Who calls it owns the name: a lock beside it says
  /// so. The path may be longer than a socket's address has room for.
  ///
  /// - Throws: `FreshetError`.
  public convenience init(listeningAt path: String) throws {
    let folder = FileSystem.split(path).folder
    try self.init(listeningAt: path, in: Descriptor(opening: folder, flags: O_RDONLY | O_DIRECTORY))
  }

  private init(listeningAt path: String, in place: Descriptor) throws {
    let name = FileSystem.split(path).name
    unlinkat(place.number, name, 0)
    let result = freshet_listen_local(place.number, name, Self.backlog)
    guard result >= 0 else { throw FreshetError.system(result, "listen", path: path) }
    listener = Descriptor(owning: result)
    identity = try FileStatus(of: name, in: place, followingLinks: false).identity
    self.place = place
    self.path = path
  }

  /// Whether others find it: its name in its folder is still its own.
  ///
  /// - Throws: `FreshetError` where that cannot be told.
  public func isInPlace() throws -> Bool {
    try FileIdentity.present(at: FileSystem.split(path).name, in: place, followingLinks: false) == identity
  }

  /// Another one in the same folder, under the same name, for one whose name was removed.
  ///
  /// - Throws: `FreshetError`.
  public func renewed() throws -> LocalSocket { try LocalSocket(listeningAt: path, in: place) }

  /// Connects to whoever listens at a path; `nil` when nobody does.
  ///
  /// - Throws: `FreshetError` when it is not allowed, or fails otherwise.
  public static func connect(to path: String) throws -> MessageSocket? {
    let (folder, name) = FileSystem.split(path)
    let place: Descriptor
    do {
      place = try Descriptor(opening: folder, flags: O_RDONLY | O_DIRECTORY)
    } catch let error as FreshetError where error.code == .notFound {
      return nil
    }
    let result = freshet_connect_local(place.number, name)
    guard result >= 0 else {
      // A name without anybody behind it is left by a process that was killed.
      if [ENOENT, ECONNREFUSED].contains(-result) { return nil }
      throw FreshetError.system(result, "connect to the running service", path: path)
    }
    return MessageSocket(Descriptor(owning: result))
  }

  /// The next connection of a process of this user, or of root, that has sent something or is done; `nil` once `close` was
  /// called. Blocks; for one thread at a time. Those that say nothing hold nobody up, and are closed after two seconds.
  ///
  /// - Throws: `FreshetError`.
  public func accept() throws -> MessageSocket? {
    try silent.withLock { silent in
      while !isClosed.load(ordering: .acquiring) {
        silent.removeAll { $0.until <= .now }
        let ready = try MessageSocket.ready(listener, silent.map(\.connection), until: silent.map(\.until).min())
        if let place = ready.connection { return silent.remove(at: place).connection }
        guard ready.listener else { continue }
        let result = freshet_accept_local(listener.number)
        if result >= 0 {
          if silent.count >= Self.silentMax { silent.removeFirst() }
          silent.append((MessageSocket(Descriptor(owning: result)), .now + Self.silence))
        } else if ![EAGAIN, EWOULDBLOCK].contains(-result) {
          // Another thread ended the listening.
          if -result == EINVAL { return nil }
          throw FreshetError.system(result, "accept a connection", path: path)
        }
      }
      return nil
    }
  }

  /// Ends the listening, and removes the name where it is still its own.
  public func close() {
    isClosed.store(true, ordering: .releasing)
    // Before the listener ends: until then no other file can be taken for its own.
    if (try? isInPlace()) == true { unlinkat(place.number, FileSystem.split(path).name, 0) }
    shutdown(listener.number, Int32(SHUT_RDWR))
  }
}
