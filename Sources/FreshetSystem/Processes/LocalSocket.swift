import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A socket with a name in a folder, by which processes of one user on one machine find each other (unix(7)).
public final class LocalSocket: Sendable {
  /// Connections that may wait to be accepted.
  private static let backlog: Int32 = 16

  private let listener: Descriptor
  private let path: String

  /// Listens at a path, in the place of whatever socket was left there. Who calls it owns the name: a lock beside it says
  /// so. The path may be longer than a socket's address has room for.
  ///
  /// - Throws: `FreshetError`.
  public init(listeningAt path: String) throws {
    let (folder, name) = FileSystem.split(path)
    let place = try Descriptor(opening: folder, flags: O_RDONLY | O_DIRECTORY)
    unlinkat(place.number, name, 0)
    let result = freshet_listen_local(place.number, name, Self.backlog)
    guard result >= 0 else { throw FreshetError.system(result, "listen", path: path) }
    listener = Descriptor(owning: result)
    self.path = path
  }

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

  /// The next connection of a process of this user, or of root; `nil` once `close` was called. Blocks.
  ///
  /// - Throws: `FreshetError`.
  public func accept() throws -> MessageSocket? {
    let result = freshet_accept_local(listener.number)
    if result >= 0 { return MessageSocket(Descriptor(owning: result)) }
    // Another thread ended the listening.
    if -result == EINVAL { return nil }
    throw FreshetError.system(result, "accept a connection", path: path)
  }

  /// Ends the listening, and removes the name.
  public func close() {
    shutdown(listener.number, Int32(SHUT_RDWR))
    unlink(path)
  }
}
