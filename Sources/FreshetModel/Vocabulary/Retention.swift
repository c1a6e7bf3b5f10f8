/// A document with its versions as far as retention looks at them.
public struct DocumentHistory: Hashable, Sendable {
  /// The document.
  public var id: DocumentID
  /// The name of its source.
  public var source: String
  /// Whether it is live.
  public var isLive: Bool
  /// Every version, oldest first.
  public var versions: [RetainedVersion]

  /// Describes a history.
  public init(id: DocumentID, source: String, isLive: Bool, versions: [RetainedVersion]) {
    self.id = id
    self.source = source
    self.isLive = isLive
    self.versions = versions
  }
}

/// A version as far as retention looks at it.
public struct RetainedVersion: Hashable, Sendable {
  /// The number.
  public var number: Int
  /// When it was committed.
  public var at: Timestamp
  /// Whether it says that the document was deleted: it has no content of its own.
  public var isDeletion: Bool
  /// Whether its content was collected already.
  public var isCollected: Bool

  /// Describes a version.
  public init(number: Int, at: Timestamp, isDeletion: Bool = false, isCollected: Bool = false) {
    self.number = number
    self.at = at
    self.isDeletion = isDeletion
    self.isCollected = isCollected
  }
}

/// How much was removed, or would be.
public struct ReclaimedAmounts: Hashable, Sendable {
  /// Versions of which only the row is left.
  public var versions = 0
  /// Editions of these.
  public var editions = 0
  /// Chunks that no edition has any more.
  public var chunks = 0
  /// Passages that no chunk has any more, or ever had.
  public var passages = 0
  /// Vectors of these, and those of retired models.
  public var vectors = 0
  /// Renditions that no edition has any more.
  public var renditions = 0
  /// Texts of superseded versions whose content is not kept, where the rest of the rendition stays.
  public var texts = 0
  /// Contents that no kept version has.
  public var contents = 0
  /// Retired models.
  public var models = 0
  /// Rows of the log.
  public var changes = 0
  /// Runs of which no change is left in the log.
  public var runs = 0
  /// Bytes of contents, renditions, texts, vectors and layouts as they were stored; what stands around them in the file
  /// comes on top.
  public var bytes: Int64 = 0

  /// Rows of the log that one step prunes at most: each is read and checked first.
  public static let changesPerStep = 2_000

  /// Starts with nothing.
  public init() {}

  /// Whether nothing was removed.
  public var isEmpty: Bool { self == ReclaimedAmounts() }

  /// Rows that were removed or marked.
  public var rows: Int {
    versions + editions + chunks + passages + vectors + renditions + texts + contents + models + changes + runs
  }

  /// Adds up.
  public static func += (left: inout Self, right: Self) {
    left.versions += right.versions
    left.editions += right.editions
    left.chunks += right.chunks
    left.passages += right.passages
    left.vectors += right.vectors
    left.renditions += right.renditions
    left.texts += right.texts
    left.contents += right.contents
    left.models += right.models
    left.changes += right.changes
    left.runs += right.runs
    left.bytes += right.bytes
  }
}

/// What of a collection is removed a step at a time, once it is marked or known to be unused.
public enum Garbage: Hashable, Sendable {
  /// What only collected versions needed.
  case collectedVersions
  /// These passages, as far as no chunk has them.
  case passages([PassageID])
  /// Models that served before, with their vectors.
  case retiredModels
  /// Texts of renditions that no live document is indexed by, where the content is not kept: those of an earlier Freshet,
  /// which kept them. Since then they go with the change that supersedes them.
  case supersededTexts
  /// The log's rows up to a change, which the anchor stands for from then on, and the runs that no row is left of.
  case log(through: SequenceNumber)
}

/// What a step removed.
public struct SweptGarbage: Hashable, Sendable {
  /// How much.
  public var amounts: ReclaimedAmounts
  /// Whether nothing of the kind is left.
  public var isDone: Bool

  /// Describes a step.
  public init(amounts: ReclaimedAmounts, isDone: Bool) {
    self.amounts = amounts
    self.isDone = isDone
  }
}

/// What a collection takes on the disk.
public struct StoreSpace: Hashable, Sendable {
  /// Bytes of the database file.
  public var bytes: Int64
  /// Bytes of the log beside it.
  public var logBytes: Int64
  /// Bytes of pages within the file that hold nothing.
  public var freeBytes: Int64
  /// Whether free pages can be returned to the file system a few at a time; a database of an earlier Freshet is written
  /// anew once for that.
  public var shrinksInSteps: Bool

  /// Describes a store's files.
  public init(bytes: Int64, logBytes: Int64, freeBytes: Int64, shrinksInSteps: Bool) {
    self.bytes = bytes
    self.logBytes = logBytes
    self.freeBytes = freeBytes
    self.shrinksInSteps = shrinksInSteps
  }
}

/// How space is returned to the file system.
public enum SpaceReturn: Hashable, Sendable {
  /// At most so many bytes of free pages, in one transaction.
  case step(bytes: Int64)
  /// Empties the log and shortens the file by what was freed, as far as readers allow it now.
  case finish
  /// Writes the whole database anew: needs its size twice more for that time, and keeps writers waiting.
  case rewrite
}
