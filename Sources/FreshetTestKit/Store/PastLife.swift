import FreshetModel
import FreshetSystem

/// A random life of documents in a store, one change after the other.
struct PastLife {
  static let origins = ["a.md", "b.md", "d/a.md", "d/e/long name.txt", "é.md"]
  static let filters: [Filter] = [
    .metadata("team", equals: "ops"), .not(.metadata("team", equals: "ops")), .exists("level"),
    .any([.field("level", .greater, 2), .field("origin", .matches, "d/*")]), .field("size", .less, 60), .all([]),
    .metadata("source", equals: "other"), .oneOf("title", ["One", "Two"]), .metadata("category", equals: "d"),
  ]
  static let queries = [
    "water", "water stone", "\"water stone\"", "maxDeleteRatio", "delete ratio", "日本", "日", "the water of the hill",
    "\"本語\" \"of the\"", "nothing", "foo_bar.baz", "\"foo_bar.baz\"", "HTTP/2",
  ]
  private static let words = [
    "water", "stone", "the", "of", "hill", "maxDeleteRatio", "日本語", "foo_bar.baz", "HTTP/2", "Water", "bread", "É",
  ]

  var random: SeededRandom
  private(set) var documents: [SampleDocument] = []
  private(set) var contents: Set<ContentHash> = []
  private var live: Set<DocumentID> = []
  private var sources: [DocumentID: SourceID] = [:]
  private var taken: [SourceID: Set<String>] = [:]

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
  }

  private mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<max(1, limit), using: &random) }

  private mutating func paragraphs() -> [String] {
    (0..<below(4)).map { _ in
      (0...below(9)).map { _ in Self.words[below(Self.words.count)] }.joined(separator: " ")
    }
  }

  private mutating func metadata() -> Metadata {
    var metadata: Metadata = ["type": below(2) == 0 ? "markdown" : "text"]
    if below(2) == 0 { metadata["team"] = below(2) == 0 ? "ops" : ["dev", "ops"] }
    if below(2) == 0 { metadata["level"] = .integer(Int64(below(5))) }
    return metadata
  }

  private mutating func freePlace(_ choices: [SourceID]) -> (source: SourceID, origin: String)? {
    let source = choices[below(choices.count)]
    let origin = Self.origins[below(Self.origins.count)]
    return taken[source, default: []].contains(origin) ? nil : (source, origin)
  }

  /// Makes one change, or none.
  mutating func step(_ transaction: any StoreTransaction, sources choices: [SourceID], model: ModelID) throws {
    guard !documents.isEmpty, below(5) > 0 else { return try create(transaction, choices, model) }
    let index = below(documents.count)
    var document = documents[index]
    let source = sources[document.id] ?? choices[0]
    guard live.contains(document.id) else {
      guard !taken[source, default: []].contains(document.origin) else { return }
      if below(2) == 0 { document.paragraphs = paragraphs() }
      return try apply(.restored, document, source, transaction, model)
    }
    switch below(7) {
    case 0, 1:
      document.paragraphs = paragraphs()
      document.modified = Timestamp(seconds: 1_700_000_000 + Int64(below(1_000)))
      try apply(.modified, document, source, transaction, model)
    case 2:
      guard let place = freePlace(choices) else { return }
      taken[source]?.remove(document.origin)
      document.origin = place.origin
      try apply(.renamed, document, place.source, transaction, model)
    case 3, 4:
      try document.apply(.deleted, to: transaction, source: source)
      live.remove(document.id)
      taken[source]?.remove(document.origin)
    case 5:
      document.metadata = metadata()
      document.title = ["One", "Two", "Three"][below(3)]
      try apply(.metadata, document, source, transaction, model)
    default:
      document.heading = [["Sample"], ["water", "Top"], []][below(3)]
      document.pipeline = "pipeline/\(below(3))"
      document.state = below(3) == 0 ? .awaitingVectors : .complete
      try apply(below(2) == 0 ? .reprocessed : .embedded, document, source, transaction, model)
    }
  }

  private mutating func create(_ transaction: any StoreTransaction, _ choices: [SourceID], _ model: ModelID) throws {
    guard let place = freePlace(choices) else { return }
    let document = SampleDocument(
      id: .random(using: &random),
      origin: place.origin,
      paragraphs: paragraphs(),
      metadata: metadata()
    )
    documents.append(document)
    try apply(.created, document, place.source, transaction, model)
  }

  private mutating func apply(
    _ kind: ChangeKind,
    _ document: SampleDocument,
    _ source: SourceID,
    _ transaction: any StoreTransaction,
    _ model: ModelID
  ) throws {
    try document.apply(kind, to: transaction, source: source)
    // Some passages never get a vector, the others get theirs at once.
    let passages = Set(try transaction.chunks(of: document.id).map(\.passage)).filter { $0 % 5 != 0 }.sorted()
    let vectors = VectorPage(
      passages: passages,
      dimension: 2,
      halves: passages.flatMap { _ in [0x3C00, 0] as [UInt16] }
    )
    try transaction.saveVectors(vectors, model: model)
    if let index = documents.firstIndex(where: { $0.id == document.id }) { documents[index] = document }
    contents.insert(document.contentHash)
    live.insert(document.id)
    sources[document.id] = source
    taken[source, default: []].insert(document.origin)
  }
}
