import FreshetModel
import FreshetSync
import FreshetSystem

/// How two versions are compared.
public struct DiffOptions: Sendable {
  /// What of a version is compared.
  public enum Subject: Sendable {
    /// The text that was indexed, as Markdown; the content itself where no rendition of it is kept.
    case text
    /// The original bytes.
    case original
  }

  /// What is compared.
  public var subject = Subject.text
  /// Unchanged lines around a change.
  public var context = 3
  /// Compares contents that are binary (`TextDiff.isBinary`) line by line as well.
  public var comparesBinary = false
  /// Reads the texts of the chunks too. Chunks are then compared also where the text of a version is not kept.
  public var readsChunks = false

  /// Compares texts.
  public init() {}
}

/// What makes one version of a document another.
public struct VersionDiff: Sendable {
  /// A chunk of either version.
  public struct Chunk: Sendable, Hashable {
    /// What became of it.
    public var state: ChunkDiff.State
    /// Its place in the old version, from 0.
    public var from: Int?
    /// Its place in the new version, from 0.
    public var to: Int?
    /// The headings it stands under, outermost first.
    public var heading: [String]
    /// Its text.
    public var text: String
  }

  /// The document as it is now.
  public var document: DocumentRecord
  /// The old version.
  public var from: VersionRecord
  /// The new version.
  public var to: VersionRecord
  /// Lines that come.
  public var additions: Int
  /// Lines that go.
  public var deletions: Int
  /// The unified form, which `patch` applies to the old text; empty for equal and for binary ones.
  public var unified: [UInt8]
  /// Whether the texts were compared. Not so where chunks were asked for and the text of a version is not kept
  /// (`store_content`): lines are then unknown, and chunks are told.
  public var hasText: Bool
  /// Whether the contents are binary, differ, and were not compared.
  public var isBinary: Bool
  /// What became of the chunks; `nil` when those of a version are no longer kept.
  public var chunkCounts: ChunkDiff?
  /// The chunks in the order of the new version; empty unless they were asked for.
  public var chunks: [Chunk]

  /// Whether there is a difference.
  public var isEmpty: Bool { unified.isEmpty && !isBinary && (hasText || from.contentHash == to.contentHash) }
}

extension Collection {
  /// Compares two versions of a document.
  ///
  /// A deletion has no text: from the version before it to it, every line goes. Time and memory are bounded as
  /// `TextDiff` says.
  ///
  /// - Parameters:
  ///   - name: as for `document(_:)`.
  ///   - from: the old version; `nil` for the one before `to`.
  ///   - to: the new version.
  /// - Throws: `FreshetError` with `not_found` for a document or version that is not there, for a first version that is to
  ///   be compared with the one before it, and when the content of one of the two is not kept;
  ///   `history_pruned` when it was collected.
  public func diff(
    _ name: String,
    from: VersionSelector? = nil,
    to: VersionSelector = .latest,
    options: DiffOptions = DiffOptions()
  ) async throws -> VersionDiff {
    let document = try await document(name)
    let sides = try await store.read(.everything) { snapshot in
      let versions = try snapshot.versions(of: document.id)
      let new = try to.version(among: versions, of: document).0
      if from == nil, new.number == 1 {
        throw FreshetError(
          .notFound,
          "there is no version before the first to compare it with",
          path: document.origin
        )
      }
      let old = try (from ?? .number(new.number - 1)).version(among: versions, of: document).0
      return try DiffSides(old, new, of: document, options, snapshot)
    }
    return try await pool.run { sides.compared(options) }
  }
}

/// Two versions as they were read.
struct DiffSides: Sendable {
  struct Side: Sendable {
    var version: VersionRecord
    /// `nil` when it is not kept.
    var text: [UInt8]?

    init(_ version: VersionRecord, of document: DocumentRecord, _ options: DiffOptions, _ snapshot: any StoreSnapshot)
      throws
    {
      self.version = version
      guard version.kind != .deleted else {
        text = []
        return
      }
      text =
        switch options.subject {
        case .text: try Collection.text(of: version, document, snapshot)
        case .original: try snapshot.content(version.contentHash)
        }
    }
  }

  var document: DocumentRecord
  var old: Side
  var new: Side
  var chunks: ChunkDiff?
  var passages: [PassageID: PassageRecord] = [:]

  init(
    _ old: VersionRecord,
    _ new: VersionRecord,
    of document: DocumentRecord,
    _ options: DiffOptions,
    _ snapshot: any StoreSnapshot
  ) throws {
    self.document = document
    self.old = try Side(old, of: document, options, snapshot)
    self.new = try Side(new, of: document, options, snapshot)
    func chunks(_ version: VersionRecord) throws -> [ChunkRecord]? {
      try version.kind == .deleted ? [] : snapshot.edition(of: document.id, version: version.number)?.chunks
    }
    let (from, to) = (try chunks(old), try chunks(new))
    let areChunksEnough = options.readsChunks && options.subject == .text && from != nil && to != nil
    for side in [self.old, self.new] where side.text == nil && !areChunksEnough {
      throw try Collection.missingContent(of: side.version, document, snapshot)
    }
    guard let from, let to else { return }
    let diff = ChunkDiff(from: from, to: to)
    self.chunks = diff
    if options.readsChunks {
      let found = try snapshot.passages(Set(diff.entries.map(\.passage)).sorted())
      passages = Dictionary(found.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }
  }

  func compared(_ options: DiffOptions) -> VersionDiff {
    let texts = old.text.flatMap { old in new.text.map { (old: old, new: $0) } }
    let isBinary =
      !options.comparesBinary
      && (texts.map { $0.old != $0.new && (TextDiff.isBinary($0.old) || TextDiff.isBinary($0.new)) } ?? false)
    let diff = isBinary ? TextDiff(from: [], to: []) : TextDiff(from: texts?.old ?? [], to: texts?.new ?? [])
    return VersionDiff(
      document: document,
      from: old.version,
      to: new.version,
      additions: diff.additions,
      deletions: diff.deletions,
      unified: diff.unified(
        oldLabel: Self.label(old.version),
        newLabel: Self.label(new.version),
        notes: (Self.note(old.version), Self.note(new.version)),
        context: options.context
      ),
      hasText: texts != nil,
      isBinary: isBinary,
      chunkCounts: chunks,
      chunks: options.readsChunks ? listed : []
    )
  }

  private var listed: [VersionDiff.Chunk] {
    (chunks?.entries ?? []).map { entry in
      let passage = passages[entry.passage]
      return VersionDiff.Chunk(
        state: entry.state,
        from: entry.from,
        to: entry.to,
        heading: passage?.heading ?? [],
        text: passage?.body ?? ""
      )
    }
  }

  /// A deleted text is called as other programs call one that is not there.
  private static func label(_ version: VersionRecord) -> String {
    version.kind == .deleted ? "/dev/null" : version.origin
  }

  private static func note(_ version: VersionRecord) -> String { "version \(version.number), \(version.at)" }
}
