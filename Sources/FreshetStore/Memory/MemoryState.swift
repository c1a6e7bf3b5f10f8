import FreshetModel

/// Everything that a collection in memory holds.
struct MemoryState: Sendable {
  struct Document: Sendable {
    var record: DocumentRecord
    var versions: [VersionRecord]
    var chunks: [ChunkRecord]
    /// What was indexed of it at any time and is kept.
    var stored = MemoryEditions()
    /// What each change made of the document, oldest first.
    var past: [Past] = []
  }

  /// A document after a change.
  struct Past: Sendable {
    var sequence: SequenceNumber
    var record: DocumentRecord
    var chunks: [ChunkRecord]
  }

  struct StoredRendition: Sendable {
    var title: String?
    var metadata: Metadata
    var map: [UInt8]
    var markdown: StoredBytes?
    var checksum: ContentHash
    /// Whether its text went when it was superseded, and its content is not kept.
    var isWithdrawn = false
  }

  struct RenditionKey: Hashable, Sendable {
    var content: ContentHash
    var parser: String
  }

  struct Passage: Sendable {
    var record: PassageRecord
    /// Open chunks that have it.
    var uses = 0
    /// The last change that opened or closed a chunk of it.
    var changedAt: SequenceNumber = 0
    /// Whether it was removed; its number stays taken.
    var isCollected = false
  }

  struct Model: Sendable {
    var record: ModelRecord
    var vectors: [PassageID: [UInt16]] = [:]
  }

  /// What is kept of a pruned row of the log: that of a kept edition, or of the deletion of a document.
  struct Vouched: Sendable {
    var document: DocumentID
    var version: Int
    var source: String
    var isDeletion: Bool
  }

  struct FailureKey: Hashable, Sendable {
    var source: String
    var itemPath: [UInt8]
    var origin: String
  }

  var head = Head(
    collection: .random(),
    epoch: .random(),
    sequence: 0,
    chain: .zero,
    at: .epoch,
    historyFloor: 0
  )
  var sources: [SourceRecord] = []
  var removedSources: [SourceRecord] = []
  var lastSource: SourceID = 0
  /// By source, in the order of the paths' bytes.
  var items: [SourceID: [ItemRecord]] = [:]
  var documents: [DocumentID: Document] = [:]
  /// Live documents by source and origin.
  var live: [SourceID: [UTF8Text: DocumentID]] = [:]
  var contents: [ContentHash: StoredBytes] = [:]
  var renditions: [RenditionKey: StoredRendition] = [:]
  /// Passage 1 stands at index 0.
  var passages: [Passage] = []
  var passageByKey: [ContentHash: PassageID] = [:]
  var models: [Model] = []
  var lastModel: ModelID = 0
  var changes: [ChangeRecord] = []
  var failures: [FailureKey: FailureRecord] = [:]
  var runs: [RunRecord] = []
  var settings: [UTF8Text: String] = [:]
  var annotations: [DocumentID: Metadata] = [:]
  var consumers: [UTF8Text: ConsumerRecord] = [:]
  /// What is kept of pruned rows of the log, by their sequence.
  var vouched: [SequenceNumber: Vouched] = [:]
  /// The metadata of the edition that each change made, or that a deletion ended.
  var changedMetadata: [SequenceNumber: Metadata] = [:]

  func passage(_ id: PassageID) -> Passage? {
    guard id >= 1, id <= PassageID(passages.count), !passages[Int(id - 1)].isCollected else { return nil }
    return passages[Int(id - 1)]
  }

  /// The index of the first item whose path is not before the given one.
  static func lowerBound(_ items: [ItemRecord], _ path: [UInt8]) -> Int {
    var low = 0
    var high = items.count
    while low < high {
      let middle = (low + high) / 2
      if items[middle].path.lexicographicallyPrecedes(path) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
