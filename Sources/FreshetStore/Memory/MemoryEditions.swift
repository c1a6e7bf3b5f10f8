import FreshetModel

/// What a document's editions were, for as long as their versions are kept, and which versions were collected.
struct MemoryEditions: Sendable {
  /// An edition, open or closed.
  struct Edition: Sendable {
    var version: Int
    var from: SequenceNumber
    var to: SequenceNumber?
    var rendition: MemoryState.RenditionKey
  }

  /// A chunk from the edition that opened it to the one that closed it.
  struct Chunk: Sendable {
    var id: ChunkID
    var passage: PassageID
    var from: SequenceNumber
    var to: SequenceNumber?
  }

  /// Oldest first.
  private(set) var editions: [Edition] = []
  private(set) var chunks: [Chunk] = []
  /// The collected versions, and whether what they needed may still be there.
  var collected: [Int: Bool] = [:]

  /// Closes the open edition, and opens the new one.
  mutating func follow(
    _ edition: DocumentChange.Edition?,
    version: Int,
    content: ContentHash,
    at sequence: SequenceNumber
  ) {
    if let last = editions.indices.last, editions[last].to == nil { editions[last].to = sequence }
    let wanted = Set(edition?.chunks.map(\.id) ?? [])
    var open: Set<ChunkID> = []
    for index in chunks.indices where chunks[index].to == nil {
      if wanted.contains(chunks[index].id) { open.insert(chunks[index].id) } else { chunks[index].to = sequence }
    }
    guard let edition else { return }
    for chunk in edition.chunks where !open.contains(chunk.id) {
      chunks.append(Chunk(id: chunk.id, passage: chunk.passage, from: sequence))
    }
    editions.append(
      Edition(
        version: version,
        from: sequence,
        rendition: MemoryState.RenditionKey(content: content, parser: edition.parser)
      )
    )
  }

  /// What was kept when there were only the first versions, as far as it still is.
  func marks(upTo version: Int) -> MemoryEditions {
    var past = self
    past.collected = collected.filter { $0.key <= version }
    return past
  }

  /// Removes the editions of versions, and the chunks that no other edition has.
  mutating func remove(versions: Set<Int>) -> (editions: [Edition], chunks: [Chunk]) {
    let gone = editions.filter { versions.contains($0.version) }
    editions.removeAll { versions.contains($0.version) }
    let kept = editions
    func isHeld(_ chunk: Chunk) -> Bool {
      kept.contains { $0.from >= chunk.from && $0.from < chunk.to ?? .max }
    }
    let goneChunks = chunks.filter { !isHeld($0) }
    if !goneChunks.isEmpty { chunks.removeAll { !isHeld($0) } }
    return (gone, goneChunks)
  }
}
