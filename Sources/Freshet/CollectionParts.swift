import FreshetConfiguration
import FreshetEmbedding
import FreshetIndex
import FreshetModel
import FreshetParsing
import FreshetSync
import FreshetSystem
import Synchronization

/// What an open collection holds once, under however many configurations it is used: the lock, the turn to work, and the
/// stages that are dear to make.
final class CollectionParts: Sendable {
  /// The functions that follow its changes in this process.
  let callbacks = ChangeCallbacks()
  /// Threads for index files, exports and other calls that block.
  let pool = ThreadPool(name: "freshet-index", threads: 1)
  /// One sync or collection of garbage at a time.
  let turns = ByteBudget(limit: 1)
  /// Whether the embedder answers, as continual syncs found.
  let embedderHealth = EmbedderHealth()

  private let lock: Mutex<FileLock?>
  private let made = Mutex(Made())
  /// Whether the embedder is the caller's own, whatever a configuration says.
  private let hasOwnEmbedder: Bool

  /// What is made at its first use, because it costs time that most calls do not need.
  private struct Made {
    var embedder: (any Embedder)?
    /// What the embedder was made for; `nil` while none was made.
    var embedderKey: EmbedderConfiguration?
    var index: IndexView?
    var parsers: StandardParserRegistry?
    var parsersKey: ParsersKey?
  }

  /// Which file the database is; `nil` when it is not open for writing.
  private let database: FileIdentity?

  init(lock: FileLock?, database: FileIdentity?, embedder: (any Embedder)?) {
    self.lock = Mutex(lock)
    self.database = database
    hasOwnEmbedder = embedder != nil
    made.withLock { $0.embedder = embedder }
  }

  var holdsLock: Bool { lock.withLock { $0 != nil } }

  /// How what lies at a path differs from what is open.
  enum Displacement {
    case gone
    case replaced
  }

  /// How what lies at the folder's path differs from what is open for writing; `nil` when it does not, as far as can be told.
  func displacement(of folder: CollectionFolder) -> Displacement? {
    lock.withLock { lock in
      guard let lock, let database else { return nil }
      do {
        guard let present = try FileIdentity.present(at: folder.database) else { return .gone }
        return try present == database && lock.isInPlace() ? nil : .replaced
      } catch {
        return nil
      }
    }
  }

  /// Adds to the lock what its owner is.
  func announce(_ note: String) throws { try lock.withLock { try $0?.add(note: note) } }

  /// The lock is released with its last reference.
  func releaseLock() { lock.withLock { $0 = nil } }

  /// The embedder of a configuration, which is `nil` for one without vectors; nothing when it is still to be made.
  func embedder(for key: EmbedderConfiguration) -> (embedder: (any Embedder)?, Void)? {
    made.withLock { hasOwnEmbedder || $0.embedderKey == key ? ($0.embedder, ()) : nil }
  }

  /// Keeps an embedder, unless another call was first; everybody uses its one then.
  func remember(_ embedder: (any Embedder)?, for key: EmbedderConfiguration) -> (any Embedder)? {
    made.withLock { made in
      if made.embedderKey != key {
        made.embedder = embedder
        made.embedderKey = key
      }
      return made.embedder
    }
  }

  /// The parsers of a configuration; those of another one are ended.
  func parsers(for key: ParsersKey, _ make: () throws -> StandardParserRegistry) throws -> StandardParserRegistry {
    try made.withLock { made in
      if let parsers = made.parsers, made.parsersKey == key { return parsers }
      let parsers = try make()
      made.parsers?.close()
      made.parsers = parsers
      made.parsersKey = key
      return parsers
    }
  }

  func closeParsers() {
    let parsers = made.withLock { made in
      defer { made.parsers = nil }
      return made.parsers
    }
    parsers?.close()
  }

  /// Forgets what the next call makes again. Nobody may be using the parsers.
  func dropWhatCanBeMadeAgain() {
    closeParsers()
    made.withLock { made in
      made.index = nil
      guard !hasOwnEmbedder else { return }
      made.embedder = nil
      made.embedderKey = nil
    }
  }

  /// The index as this process saw it last.
  var index: IndexView? {
    get { made.withLock { $0.index } }
    set { made.withLock { $0.index = newValue } }
  }
}

/// What of a configuration the parsers depend on.
struct ParsersKey: Hashable, Sendable {
  var workers: Int
  var overrides: [ParserOverride]
  var json: JSONFieldConfiguration
}
