/// A part of the log that is looked at: changes between two sequences, of one source or document or of all.
public struct AuditSelection: Hashable, Sendable {
  /// The first change.
  public var first: SequenceNumber
  /// The last change.
  public var last: SequenceNumber
  /// Only changes of documents that were in the source of this name then.
  public var source: String?
  /// Only changes of this document.
  public var document: DocumentID?

  /// Takes changes from the first to the last one.
  public init(
    first: SequenceNumber,
    last: SequenceNumber,
    source: String? = nil,
    document: DocumentID? = nil
  ) {
    self.first = first
    self.last = last
    self.source = source
    self.document = document
  }
}

/// How many changes of a part of the log there are.
public struct AuditTotals: Hashable, Sendable {
  /// Changes.
  public var changes = 0
  /// Documents that changed.
  public var documents = 0
  /// Changes by kind; kinds without any are left out.
  public var byKind: [ChangeKind: Int] = [:]
  /// Changes by who made them; the empty name stands for runs that are no longer on record.
  public var byActor: [String: Int] = [:]

  /// Starts with nothing.
  public init() {}
}

/// A document that changed in a part of the log.
public struct AuditedDocument: Hashable, Sendable {
  /// The document.
  public var id: DocumentID
  /// Its source's name after the last change of the part.
  public var source: String
  /// Its origin after the last change of the part.
  public var origin: String
  /// Whether it is live now.
  public var state: DocumentState
  /// How many of its changes the part has.
  public var changes: Int
  /// Where the store goes on after it.
  public var place: Int64

  /// Describes a document.
  public init(id: DocumentID, source: String, origin: String, state: DocumentState, changes: Int, place: Int64) {
    self.id = id
    self.source = source
    self.origin = origin
    self.state = state
    self.changes = changes
    self.place = place
  }
}

/// A change with who made it.
public struct AuditedChange: Hashable, Sendable {
  /// The row of the log.
  public var change: ChangeRecord
  /// Who made it: as the version says, or the run for a change without a version; `nil` when the run is no longer on
  /// record.
  public var actor: String?

  /// Pairs a change with its actor.
  public init(change: ChangeRecord, actor: String?) {
    self.change = change
    self.actor = actor
  }
}

/// What the check of one document found.
public struct DocumentVerification: Hashable, Sendable {
  /// The document.
  public var id: DocumentID
  /// Its source's name.
  public var source: String
  /// Its origin.
  public var origin: String
  /// Its versions.
  public var versions: Int
  /// How many versions' contents are kept, and were read and hashed.
  public var contents: Int
  /// What does not hold, in the order of the versions.
  public var problems: [IntegrityProblem]

  /// Whether everything holds.
  public var isOK: Bool { problems.isEmpty }

  /// Describes a check.
  public init(
    id: DocumentID,
    source: String,
    origin: String,
    versions: Int = 0,
    contents: Int = 0,
    problems: [IntegrityProblem] = []
  ) {
    self.id = id
    self.source = source
    self.origin = origin
    self.versions = versions
    self.contents = contents
    self.problems = problems
  }
}
