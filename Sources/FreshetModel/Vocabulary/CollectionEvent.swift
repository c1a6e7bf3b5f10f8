/// Something that happened in a collection, as consumers get it: a change of the log with what a reader needs to act on it.
public struct CollectionEvent: Hashable, Sendable {
  /// What an event tells; the raw values appear in JSON. The first are those of `ChangeKind`.
  public enum Change: String, Sendable, CaseIterable {
    case created, modified, renamed, restored, deleted, metadata, reprocessed, embedded
    /// The document is there, in this state: an element of a listing that brings a lapsed consumer back in step.
    case present
    /// A listing of everything that is there begins: what was known before may be wrong.
    case resyncStarted = "resync_started"
    /// The listing is complete: what it did not name is gone.
    case resyncFinished = "resync_finished"
    /// Changes are missing here: they are no longer known, and what comes follows.
    case changesSkipped = "changes_skipped"

    /// The event of a change.
    public init(_ kind: ChangeKind) {
      switch kind {
      case .created: self = .created
      case .modified: self = .modified
      case .renamed: self = .renamed
      case .restored: self = .restored
      case .deleted: self = .deleted
      case .metadata: self = .metadata
      case .reprocessed: self = .reprocessed
      case .embedded: self = .embedded
      }
    }

    /// Whether it is about a document.
    public var isAboutDocument: Bool {
      switch self {
      case .resyncStarted, .resyncFinished, .changesSkipped: false
      default: true
      }
    }
  }

  /// The change's place in the log; for an element of a listing, the change up to which the listing is.
  public var sequence: SequenceNumber
  /// What happened.
  public var change: Change
  /// The source's name; empty when the event is not about a document, as are the other texts.
  public var source = ""
  /// The document's origin after the change.
  public var origin = ""
  /// The origin before, for a rename.
  public var previousOrigin: String?
  /// The address that reopens the document.
  public var uri = ""
  /// The document; `nil` when the event is not about one.
  public var document: DocumentID?
  /// The document's name: the metadata's `name`, else the origin.
  public var name = ""
  /// The version after the change.
  public var version = 0
  /// The content's hash after the change.
  public var hash = ContentHash.zero
  /// The metadata: those of the edition that the change made (or that a deletion ended) when it is kept, else those that
  /// the document has now; empty when it has none any more.
  public var metadata: Metadata = [:]
  /// Why, for a deletion.
  public var reason: DeletionReason?
  /// The run that made the change; `nil` for an element of a listing.
  public var run: RunID?
  /// When the change was committed.
  public var at: Timestamp

  /// Describes an event that is not about a document.
  public init(_ change: Change, sequence: SequenceNumber, at: Timestamp) {
    self.change = change
    self.sequence = sequence
    self.at = at
  }

  /// The event of a change.
  public init(_ change: ChangeRecord, metadata: Metadata, uri: String) {
    self.init(Change(change.kind), sequence: change.sequence, at: change.at)
    source = change.source
    origin = change.origin
    previousOrigin = change.previousOrigin
    self.uri = uri
    document = change.document
    version = change.version
    hash = change.contentHash
    self.metadata = metadata
    reason = change.reason
    run = change.run
    name = Self.name(metadata, origin)
  }

  /// The element of a listing for a live document.
  public init(present document: DocumentRecord, sequence: SequenceNumber, uri: String) {
    self.init(.present, sequence: sequence, at: document.updatedAt)
    source = document.sourceName
    origin = document.origin
    self.uri = uri
    self.document = document.id
    version = document.version
    hash = document.contentHash
    metadata = document.metadata
    name = Self.name(metadata, origin)
  }

  private static func name(_ metadata: Metadata, _ origin: String) -> String {
    if case .string(let name)? = metadata["name"] { name } else { origin }
  }

  /// A line of `events --json`: `from` (the origin before), `reason` and `run` only where there is one.
  public var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("sequence", .integer(sequence)), .init("change", .string(change.rawValue)),
    ]
    if let document {
      members += [
        .init("source", .string(source)), .init("origin", .string(origin)), .init("uri", .string(uri)),
        .init("document", .string(document.description)), .init("name", .string(name)),
        .init("version", .integer(Int64(version))), .init("hash", .string(hash.description)),
        .init("metadata", JSONValue(metadata)),
      ]
    }
    if let previousOrigin { members.append(.init("from", .string(previousOrigin))) }
    if let reason { members.append(.init("reason", .string(reason.rawValue))) }
    if let run { members.append(.init("run", .string(run.description))) }
    members.append(.init("at", .string(at.description)))
    return .object(members)
  }
}

/// Which events somebody wants; those that frame a listing always pass.
public struct EventFilter: Hashable, Sendable {
  /// Only events of these sources; all when it is empty.
  public var sources: Set<String>
  /// Only these changes; all when it is empty. An element of a listing passes whatever stands here.
  public var changes: Set<ChangeKind>
  /// Only documents whose origin, before or after the change, fits one of these shell patterns; all when it is empty.
  public var patterns: [String] { didSet { compiled = patterns.map { ShellPattern($0) } } }
  private var compiled: [ShellPattern]

  /// Lets everything through unless it is told otherwise.
  public init(sources: Set<String> = [], changes: Set<ChangeKind> = [], patterns: [String] = []) {
    self.sources = sources
    self.changes = changes
    self.patterns = patterns
    compiled = patterns.map { ShellPattern($0) }
  }

  /// Whether a change is wanted.
  public func matches(_ change: ChangeRecord) -> Bool {
    (changes.isEmpty || changes.contains(change.kind))
      && matches(source: change.source, origins: [change.origin, change.previousOrigin])
  }

  /// Whether an element of a listing is wanted.
  public func matches(present document: DocumentRecord) -> Bool {
    matches(source: document.sourceName, origins: [document.origin])
  }

  private func matches(source: String, origins: [String?]) -> Bool {
    guard sources.isEmpty || sources.contains(source) else { return false }
    return compiled.isEmpty
      || origins.contains { origin in origin.map { text in compiled.contains { $0.matches(text) } } ?? false }
  }
}
