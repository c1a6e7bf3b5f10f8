import FreshetIndex
import FreshetModel
import FreshetStore
import FreshetSystem
import FreshetTestKit

/// A collection of random documents with vectors, in a store and in an index.
struct SampleCollection: Sendable {
  /// Which store holds it.
  enum Kind: String, CaseIterable, Sendable {
    case memory, sqlite
  }

  static let dimension = 24
  static let words = ["key", "rotate", "token", "cache", "node", "index", "search", "log", "vector", "chunk", "store"]

  let store: any Store
  let index: SegmentedIndex
  let directory: TemporaryDirectory
  var vectors: [PassageID: [Float]]

  static func make(_ kind: Kind, documents: Int, seed: UInt64) async throws -> SampleCollection {
    let directory = try TemporaryDirectory()
    let store: any Store =
      switch kind {
      case .memory: MemoryStore()
      case .sqlite: try SQLiteStore.open(at: directory.file("collection.sqlite"), mode: .readWrite(create: true))
      }
    let index = SegmentedIndex(.exact, dimension: dimension)
    let page = try await store.write { transaction in
      var random = SeededRandom(seed: seed)
      let source = try transaction.registerSource(name: "docs", location: "/docs")
      let model = try transaction.registerModel(
        ModelDescription(name: "sample", fingerprint: "sample/1", dimension: dimension)
      )
      try transaction.serve(model: model.id)
      var passages: Set<PassageID> = []
      for number in 0..<documents {
        passages.formUnion(try add(document: number, source: source.id, transaction, &random))
      }
      let sorted = passages.sorted()
      let floats = VectorSamples.clustered(count: sorted.count, dimension: dimension, using: &random).flatMap(\.self)
      let page = VectorPage(passages: sorted, dimension: dimension, halves: HalfPrecision.encode(floats))
      try transaction.saveVectors(page, model: model.id)
      return page
    }
    try index.add(page)
    var vectors: [PassageID: [Float]] = [:]
    let floats = HalfPrecision.decode(page.halves)
    for (row, passage) in page.passages.enumerated() {
      vectors[passage] = Array(floats[row * dimension..<(row + 1) * dimension])
    }
    return SampleCollection(store: store, index: index, directory: directory, vectors: vectors)
  }

  private static func add(
    document number: Int,
    source: SourceID,
    _ transaction: any StoreTransaction,
    _ random: inout SeededRandom
  ) throws -> [PassageID] {
    var bodies = (0..<Int.random(in: 1...6, using: &random)).map { part in
      (0..<12).map { _ in words.randomElement(using: &random) ?? "" }.joined(separator: " ") + " \(number) \(part)"
    }
    if number.isMultiple(of: 3) { bodies.append("the licence that stands in every third document") }
    if number == 7 { bodies.append("set max_delete_ratio to guard deletions") }
    let passages = try transaction.savePassages(
      bodies.map {
        PassageDraft(
          key: SHA256.digest(of: PassageText.keyBytes(heading: ["Guide"], body: $0)),
          heading: ["Guide"],
          body: $0,
          tokens: 20
        )
      }
    )
    var markdown = Array("# Guide".utf8)
    var chunks: [ChunkRecord] = []
    for (passage, body) in zip(passages, bodies) {
      markdown += "\n\n".utf8
      chunks.append(
        ChunkRecord(
          id: .random(using: &random),
          passage: passage,
          start: markdown.count,
          end: markdown.count + body.utf8.count
        )
      )
      markdown += body.utf8
    }
    let origin = "d\(number).md"
    var metadata: Metadata = ["number": .integer(Int64(number % 6))]
    metadata["team"] = ["ops", "dev", "web"][number % 3]
    if number.isMultiple(of: 2) { metadata["tags"] = ["a b", "ops"] }
    if number.isMultiple(of: 4) { metadata["draft"] = true }
    _ = try transaction.apply(
      DocumentChange(
        kind: .created,
        document: .random(using: &random),
        source: source,
        itemPath: Array(origin.utf8),
        origin: origin,
        run: .random(using: &random),
        version: .init(
          contentHash: SHA256.digest(of: markdown),
          size: Int64(markdown.count),
          content: .compressed(markdown),
          fileModified: .epoch,
          actor: "tester",
          owner: nil
        ),
        edition: .init(
          parser: "text/1",
          markdown: nil,
          markdownIsContent: true,
          map: [Block]().encoded,
          statedTitle: nil,
          statedMetadata: [:],
          title: "Document \(number)",
          metadata: metadata,
          pipeline: "pipeline/1",
          chunks: chunks
        )
      )
    )
    return passages
  }

  static func query(_ random: inout SeededRandom) -> [Float] {
    VectorSamples.unit((0..<dimension).map { _ in Float.random(in: -1...1, using: &random) })
  }
}
