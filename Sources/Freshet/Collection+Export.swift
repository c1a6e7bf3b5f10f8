import FreshetIndex
import FreshetModel
import FreshetSystem

/// A chunk as `export` writes it.
public struct ExportedChunk: Sendable {
  /// The document.
  public var document: DocumentRecord
  /// The chunk.
  public var chunk: ChunkRecord
  /// Its text.
  public var passage: PassageRecord
  /// Its vector of unit length; `nil` when the collection keeps none.
  public var vector: [Float]?
}

extension Collection {
  /// Documents whose chunks are read in one go.
  private static let exportPage = 64

  /// Hands every live chunk to `receive`, by source, origin and place, all read at one committed state.
  ///
  /// - Throws: what `receive` throws.
  public func exportChunks(
    _ query: DocumentQuery = DocumentQuery(),
    receive: @escaping @Sendable (ExportedChunk) throws -> Void
  ) async throws {
    try await store.read(.everything) { snapshot in
      let model = try snapshot.models().first { $0.state == .serving }
      for document in try snapshot.documents(query) {
        let chunks = try snapshot.chunks(of: document.id)
        let distinct = Array(Set(chunks.map(\.passage))).sorted()
        let passages = Dictionary(
          try snapshot.passages(distinct).map { ($0.id, $0) },
          uniquingKeysWith: { first, _ in first }
        )
        var vectors: [PassageID: [Float]] = [:]
        if let model {
          let page = try snapshot.vectors(of: distinct, model: model.id)
          for (index, passage) in page.passages.enumerated() {
            let halves = page.halves[index * page.dimension..<(index + 1) * page.dimension]
            vectors[passage] = halves.map { Float(Float16(bitPattern: $0)) }
          }
        }
        for chunk in chunks {
          guard let passage = passages[chunk.passage] else { continue }
          try receive(
            ExportedChunk(document: document, chunk: chunk, passage: passage, vector: vectors[chunk.passage])
          )
        }
      }
    }
  }

  /// Writes every live vector into a file that FAISS opens (`IndexIDMap2` over a flat inner-product index), and answers
  /// how many; their labels are the passages' numbers, which `exportChunks` tells too.
  ///
  /// - Throws: `FreshetError` with `index_failed` when FAISS is not installed or the file cannot be written.
  public func exportFAISS(to path: String) async throws -> Int {
    try await store.read(.everything) { snapshot in
      guard let model = try snapshot.models().first(where: { $0.state == .serving }) else {
        throw FreshetError(.notFound, "the collection has no vectors to export; sync it with an embedder first")
      }
      return try FAISSExport.write(SnapshotFeed(snapshot, model: model), to: path)
    }
  }
}
