import FreshetModel
import Synchronization

/// A source in memory, for tests: files with fingerprints as a file system would give them, and failures on demand.
public final class SampleSource: Source {
  /// What can go wrong, all of it nothing at first.
  public struct Troubles: Sendable {
    /// Files whose content cannot be read.
    public var unreadable: Set<String> = []
    /// Files that are listed and gone when they are fetched.
    public var vanishing: Set<String> = []
    /// Files that changed each time that they were read.
    public var moving: Set<String> = []
    /// Folders that the listing cannot see.
    public var shielded: Set<String> = []
    /// Files and folders that the patterns leave out.
    public var excluded: Set<String> = []
    /// The listing throws `source_unavailable` after so many batches.
    public var unavailableAfterBatches: Int?
    /// The root is there and empty, on another device: an unmounted disk.
    public var isUnmounted = false

    /// Starts without troubles.
    public init() {}
  }

  private struct File {
    var bytes: [UInt8]
    var fingerprint: ItemFingerprint
  }

  private struct State {
    var files: [String: File] = [:]
    var tick: Int64 = 1
    var inode: UInt64 = 1
    var fetches = 0

    mutating func next() -> Int64 {
      tick += 1
      return tick
    }

    mutating func nextInode() -> UInt64 {
      inode += 1
      return inode
    }
  }

  /// Items of one batch of a listing.
  public static let batchSize = 7
  /// The device of files.
  public static let device: UInt64 = 7

  public let name: String
  public var location: String { "/sample/" + name }
  public var metadata: Metadata { storedMetadata.withLock { $0 } }
  public var configurationFingerprint: String { troubles.withLock { $0.excluded.sorted().joined(separator: ",") } }

  private let state = Mutex(State())
  private let storedMetadata: Mutex<Metadata>
  private let troubles = Mutex(Troubles())

  /// Makes an empty source.
  public init(_ name: String, metadata: Metadata = [:]) {
    self.name = name
    storedMetadata = Mutex(metadata)
  }

  /// The texts of all files, by path.
  public var texts: [String: String] {
    state.withLock { $0.files.mapValues { String(decoding: $0.bytes, as: UTF8.self) } }
  }

  /// How many files were read so far.
  public var fetches: Int { state.withLock { $0.fetches } }

  /// Changes the metadata of every document.
  public func set(metadata: Metadata) { storedMetadata.withLock { $0 = metadata } }

  /// Changes what goes wrong.
  public func trouble(_ change: (inout Troubles) -> Void) { troubles.withLock { change(&$0) } }

  /// What goes wrong.
  public var currentTroubles: Troubles { troubles.withLock { $0 } }

  // MARK: Changes

  /// Writes a file in place, or makes it.
  public func write(_ path: String, _ text: String) {
    state.withLock { state in
      let tick = state.next()
      let inode = state.files[path]?.fingerprint.inode ?? state.nextInode()
      let bytes = Array(text.utf8)
      state.files[path] = File(
        bytes: bytes,
        fingerprint: ItemFingerprint(
          device: Self.device,
          inode: inode,
          size: Int64(bytes.count),
          modified: tick,
          changed: tick
        )
      )
    }
  }

  /// Makes the file newer without changing it.
  public func touch(_ path: String) {
    if let text = texts[path] { write(path, text) }
  }

  /// Moves a file, or a folder with what is in it.
  public func move(_ from: String, to target: String) {
    state.withLock { state in
      for path in state.files.keys.sorted() where path == from || path.hasPrefix(from + "/") {
        guard var file = state.files.removeValue(forKey: path) else { continue }
        file.fingerprint.changed = state.next()
        state.files[target + path.dropFirst(from.count)] = file
      }
    }
  }

  /// Copies a file, or a folder with what is in it.
  public func copy(_ from: String, to target: String) {
    for (path, text) in texts.sorted(by: { $0.key < $1.key }) where path == from || path.hasPrefix(from + "/") {
      write(target + path.dropFirst(from.count), text)
    }
  }

  /// Removes a file, or a folder with what is in it.
  public func remove(_ path: String) {
    state.withLock { state in
      for name in state.files.keys.sorted() where name == path || name.hasPrefix(path + "/") {
        state.files[name] = nil
      }
    }
  }

  /// Whether the path is one of the set or stands below one.
  private static func covers(_ paths: Set<String>, _ path: String) -> Bool {
    paths.contains { path == $0 || path.hasPrefix($0 + "/") }
  }
}

extension SampleSource {
  public func listing(of paths: [[UInt8]]) async throws -> any Listing {
    let wanted = Set(paths.map { String(decoding: $0, as: UTF8.self) })
    let troubles = currentTroubles
    let listed = troubles.isUnmounted ? [:] : state.withLock { $0.files }
    let items = listed.filter { path, _ in
      !Self.covers(troubles.excluded, path) && !Self.covers(troubles.shielded, path)
        && (wanted.isEmpty || Self.covers(wanted, path))
    }
    .map { ListedItem(path: Array($0.key.utf8), fingerprint: $0.value.fingerprint, isRacy: false) }
    .sorted { $0.path.lexicographicallyPrecedes($1.path) }
    var batches = stride(from: 0, to: items.count, by: Self.batchSize).map {
      ListingBatch(items: Array(items[$0..<min($0 + Self.batchSize, items.count)]))
    }
    if !troubles.shielded.isEmpty {
      // Problems come last: what is absent must be judged with all of them.
      batches.append(
        ListingBatch(
          problems: troubles.shielded.sorted().map {
            ListingProblem(
              path: Array($0.utf8),
              error: FreshetError(.unreadable, "the folder cannot be read; check its permissions", path: $0)
            )
          }
        )
      )
    }
    return SampleListing(batches, failAfter: troubles.unavailableAfterBatches, isUnmounted: troubles.isUnmounted)
  }

  public func fetch(_ item: ListedItem) async throws -> FetchedItem {
    let path = String(decoding: item.path, as: UTF8.self)
    let troubles = currentTroubles
    let file = state.withLock { state in
      state.fetches += 1
      return state.files[path]
    }
    if troubles.unreadable.contains(path) {
      throw FreshetError(.unreadable, "the file cannot be read; check its permissions", path: path)
    }
    if troubles.moving.contains(path) {
      throw FreshetError(
        .changedWhileRead,
        "the file changed each time that it was read; sync again",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    }
    guard let file, !troubles.vanishing.contains(path), !troubles.isUnmounted else {
      throw FreshetError(.notFound, "the file is gone", path: path)
    }
    return FetchedItem(
      bytes: file.bytes,
      fingerprint: file.fingerprint,
      isRacy: false,
      modified: Timestamp(seconds: file.fingerprint.modified, nanoseconds: 0)
    )
  }

  public func absence(of path: [UInt8], fingerprint: ItemFingerprint) async -> Absence {
    let path = String(decoding: path, as: UTF8.self)
    let troubles = currentTroubles
    if troubles.isUnmounted {
      return .unknown(FreshetError(.deletionsHeld, "the root is on another device than before; mount the disk"))
    }
    if Self.covers(troubles.shielded, path) {
      return .unknown(FreshetError(.unreadable, "its folder cannot be read; check its permissions"))
    }
    if Self.covers(troubles.excluded, path), texts[path] != nil {
      return .outOfScope("the patterns do not include it")
    }
    return .vanished
  }

  public func origin(of path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }

  public func uri(of origin: String) -> String { "sample://\(name)/\(origin)" }
}

/// A listing of a `SampleSource`, fixed when it began.
private final class SampleListing: Listing {
  let rootIdentity: String
  private let rest: Mutex<ArraySlice<ListingBatch>>
  private let left: Mutex<Int?>

  init(_ batches: [ListingBatch], failAfter: Int?, isUnmounted: Bool) {
    rest = Mutex(batches[...])
    left = Mutex(failAfter)
    rootIdentity = isUnmounted ? "8:1" : "7:1"
  }

  func next() async throws -> ListingBatch? {
    let fails = left.withLock { left in
      guard let count = left else { return false }
      left = count - 1
      return count == 0
    }
    if fails { throw FreshetError(.sourceUnavailable, "the folder cannot be listed; check the path") }
    return rest.withLock { $0.popFirst() }
  }
}
