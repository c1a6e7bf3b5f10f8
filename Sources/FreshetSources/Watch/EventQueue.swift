import CSystem
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The system's queue of events (inotify(7)). For one thread.
final class EventQueue {
  struct Event {
    let watch: Int32
    let bits: UInt32
    let cookie: UInt32
    /// Empty: it is about the folder itself.
    let name: [UInt8]

    func has(_ bit: UInt32) -> Bool { bits & bit != 0 }
    var isFolder: Bool { has(freshet_watch_is_folder) }
  }

  static let folderEvents =
    freshet_watch_modified | freshet_watch_attributes | freshet_watch_closed | freshet_watch_moved_from
    | freshet_watch_moved_to | freshet_watch_created | freshet_watch_deleted | freshet_watch_self_deleted
    | freshet_watch_self_moved
  private static let bufferSize = 64 << 10

  let descriptor: Descriptor
  private let system: WatchSystem
  private let buffer: UnsafeMutableRawBufferPointer

  /// Answers `nil`, and why in `failure`, when there is none to be had.
  init?(_ system: WatchSystem, failure: inout Int32) {
    let number = system.openQueue()
    guard number >= 0 else {
      failure = -number
      return nil
    }
    descriptor = Descriptor(owning: number)
    self.system = system
    buffer = .allocate(byteCount: Self.bufferSize, alignment: 8)
  }

  deinit {
    buffer.deallocate()
  }

  /// Watches an open folder: the watch, or a negated errno.
  func add(_ folder: Descriptor) -> Int32 {
    system.addWatch(descriptor.number, folder.number, Self.folderEvents)
  }

  func remove(_ watch: Int32) {
    // It may have ended by itself.
    _ = freshet_watch_remove(descriptor.number, watch)
  }

  /// The events that wait, as many as the buffer holds; none when the queue is empty.
  func read() -> [Event] {
    let count = Glibc.read(descriptor.number, buffer.baseAddress, buffer.count)
    guard count > 0 else { return [] }
    var events: [Event] = []
    let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
    var offset = 0
    // watch (4 bytes), bits (4), cookie (4), length of the name with its padding of zero bytes (4), name
    while offset + 16 <= count {
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
      guard offset + 16 + length <= count else { break }
      events.append(
        Event(
          watch: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self),
          bits: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self),
          cookie: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self),
          name: Array(bytes[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 })
        )
      )
      offset += 16 + length
    }
    return events
  }
}

/// The calls by which the system is watched; tests put a system in their place that runs out of watches, or a reader that
/// comes late.
package struct WatchSystem: Sendable {
  /// A new queue, or a negated errno.
  package var openQueue: @Sendable () -> Int32 = { freshet_watch_queue() }
  /// Watches an open folder with a queue: the watch, or a negated errno.
  package var addWatch: @Sendable (_ queue: Int32, _ folder: Int32, _ events: UInt32) -> Int32 = {
    freshet_watch_add($0, $1, $2)
  }
  /// Called by the reading thread before it reads.
  package var willRead: @Sendable () -> Void = {}

  /// The real one.
  package init() {}
}
