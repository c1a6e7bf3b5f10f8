import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The folder of a collection's index files: derived, so that any of it may be lost.
///
/// Invariants:
/// - A file is written under a temporary name, made durable, named, and from then on immutable. Only the manifest is
///   replaced, in one step. A crash at any instant leaves the old manifest with its files, or the new one with its own;
///   what neither names is removed by the next writer.
/// - A file is removed only when the current manifest, already durable, names it neither as current nor as backup.
///   A process that has it open or mapped keeps it.
/// - The manifest and every file carry a position and checksums. What is damaged, missing, or of another collection,
///   epoch, chain or model is ignored, and the index is built from the stored vectors.
///
/// Any number of processes read; the caller holds the collection's writer lock for everything that writes.
public struct IndexDirectory: Sendable {
  /// How often a reader starts again when a writer replaced the files under it.
  static let maximumAttempts = 8

  /// The folder.
  public let path: String
  /// How the index is built and kept.
  public let settings: IndexSettings
  let now: @Sendable () -> Timestamp
  let reached: @Sendable (String) -> Void

  /// Names a folder; nothing is read or made yet.
  ///
  /// - Parameters:
  ///   - now: What time it is, for the time of the last build.
  ///   - reached: Called with a name between any two steps that a crash could separate: `index-delta-written`,
  ///     `index-base-written`, `index-manifest-replaced`, `index-swept`.
  public init(
    path: String,
    settings: IndexSettings = IndexSettings(),
    now: @escaping @Sendable () -> Timestamp = { systemTime() },
    reached: @escaping @Sendable (String) -> Void = { CrashPoint.reached(named: $0) }
  ) {
    self.path = path
    self.settings = settings
    self.now = now
    self.reached = reached
  }

  /// The index that the files hold, whatever the store holds by now; `nil` when there is none that is whole.
  ///
  /// Reads only. Get it before the snapshot that it is brought to with `IndexView.advanced`.
  public func load(mode: IndexOpenMode) -> IndexView? {
    stored(mode: mode).view
  }

  /// A view that holds exactly the feed's state: from the files and the log after them, or built from the stored vectors
  /// where that is not possible. Writes nothing.
  /// - Throws: what the feed throws; `FreshetError` with `index_failed`; `CancellationError`.
  public func open(_ feed: some VectorFeed, mode: IndexOpenMode) throws -> IndexView {
    guard let view = load(mode: mode) else { return try IndexView.built(from: feed, settings: settings) }
    return try view.advanced(to: feed, settings: settings)
  }

  /// What the files are, without opening them; `nil` when there is no index.
  public func statistics() -> IndexStatistics? {
    guard let manifest = IndexManifest.read(from: path).manifest else { return nil }
    return IndexStatistics(manifest: manifest, byteCount: manifest.files.reduce(0) { $0 + size(of: $1) })
  }

  /// Whether the files are all there, of the configured backend and at this position, as far as that shows without
  /// looking into them: what a sync that changed nothing asks.
  public func isCurrent(at position: IndexPosition) -> Bool {
    guard let manifest = IndexManifest.read(from: path).manifest, manifest.position == position else { return false }
    guard settings.backend == .auto || settings.backend.rawValue == manifest.backend.rawValue else { return false }
    return ([manifest.base.file] + manifest.deltas).allSatisfy { size(of: $0) > 0 }
  }

  /// What the folder holds, as far as it is whole.
  struct Stored {
    var manifest: IndexManifest?
    var view: IndexView?
    var problem: IndexRebuildReason?
  }

  /// Reads the manifest and its files.
  func stored(mode: IndexOpenMode) -> Stored {
    var last: IndexManifest?
    for _ in 0..<Self.maximumAttempts {
      let (manifest, isMissing) = IndexManifest.read(from: path)
      guard let manifest else { return Stored(problem: isMissing ? .missing : .damaged) }
      do {
        return Stored(manifest: manifest, view: try open(manifest, mode: mode))
      } catch {
        // A writer may have replaced the files since the manifest was read; when it did not, they are damaged.
        if manifest == last { return Stored(manifest: manifest, problem: .damaged) }
        last = manifest
      }
    }
    return Stored(problem: .damaged)
  }

  private func open(_ manifest: IndexManifest, mode: IndexOpenMode) throws -> IndexView {
    let image = try IndexFile.Image(path: file(manifest.base.file), mode: mode)
    guard image.role == .base, image.backend == manifest.backend, image.count == manifest.base.live,
      image.position.leads(to: manifest.position)
    else { throw IndexFile.Image.damaged("it is not the one that the manifest means", image.path) }
    var layers = LayerStack()
    layers.push(try SegmentedIndex.base(in: image, settings.parameters))
    for name in manifest.deltas {
      let delta = try IndexFile.Image(path: file(name), mode: mode)
      guard delta.role == .delta, delta.dimension == image.dimension, delta.position.leads(to: manifest.position) else {
        throw IndexFile.Image.damaged("it is not the one that the manifest means", delta.path)
      }
      for passage in try delta.removals() { layers.remove(passage) }
      layers.push(Layer(try delta.segment(), isBase: false))
    }
    let index = SegmentedIndex(
      image.backend,
      dimension: image.dimension,
      parameters: settings.parameters,
      layers: layers
    )
    return IndexView(index: index, position: manifest.position)
  }

  /// The path of a file in the folder.
  func file(_ name: String) -> String { path + "/" + name }

  private func size(of name: String) -> Int {
    var status = stat()
    return stat(file(name), &status) == 0 ? Int(status.st_size) : 0
  }
}

/// The time of the system's clock.
public func systemTime() -> Timestamp {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
}

extension IndexPosition {
  /// Whether a file of this position can belong to an index of the other.
  fileprivate func leads(to other: IndexPosition) -> Bool {
    collection == other.collection && epoch == other.epoch && model == other.model && sequence <= other.sequence
  }
}

/// What an index folder holds.
public struct IndexStatistics: Sendable, Hashable {
  /// What the base is searched with.
  public var backend: IndexBackend
  /// The state that the files hold.
  public var position: IndexPosition
  /// Vectors at the last build.
  public var liveAtBuild: Int
  /// Vectors added since.
  public var addedSinceBuild: Int
  /// Vectors removed since.
  public var removedSinceBuild: Int
  /// When the last build was.
  public var builtAt: Timestamp
  /// Delta files above the base.
  public var deltaFiles: Int
  /// Whether there is a base before this one to go back to.
  public var hasBackup: Bool
  /// Bytes of all files, the backup among them.
  public var byteCount: Int
  /// (added + removed) / vectors at the last build; infinite when something changed above an empty base.
  public var changedRatio: Double

  init(manifest: IndexManifest, byteCount: Int) {
    backend = manifest.backend
    position = manifest.position
    liveAtBuild = manifest.base.live
    addedSinceBuild = manifest.added
    removedSinceBuild = manifest.removed
    builtAt = manifest.base.builtAt
    deltaFiles = manifest.deltas.count
    hasBackup = manifest.backup != nil
    self.byteCount = byteCount
    changedRatio = manifest.changedRatio()
  }
}
