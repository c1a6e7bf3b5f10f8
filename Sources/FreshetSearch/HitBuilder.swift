import FreshetModel

/// Turns ranked passages into hits: places, documents, widened texts.
struct HitBuilder {
  let searcher: Searcher
  let request: SearchRequest
  let limit: Int

  private struct Choice {
    var score: Double
    var place: Occurrence
    var others: [Occurrence]
  }

  /// At most `limit` hits, in the order of the passages.
  func hits(of ranked: [(passage: PassageID, score: Double)]) throws -> [SearchHit] {
    let choices = try choices(ranked)
    let ids = choices.map(\.place.chunk.passage)
    let records = Dictionary(
      try searcher.snapshot.passages(ids).map { ($0.id, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    var documents = Documents(searcher: searcher)
    var widening = Widening(searcher: searcher, neighbours: neighbours, shown: choices.map(\.place))
    var hits: [SearchHit] = []
    for choice in choices {
      guard let record = records[choice.place.chunk.passage],
        let document = try documents.document(choice.place.document)
      else { continue }
      let text = try widening.text(of: choice.place, record: record, document: document)
      hits.append(
        SearchHit(
          passage: record.id,
          chunk: choice.place.chunk.id,
          source: document.sourceName,
          origin: document.origin,
          uri: try searcher.uri(document.sourceName, document.origin),
          document: document.id,
          version: document.version,
          title: document.title,
          heading: record.heading,
          text: text.text,
          position: text.position,
          score: choice.score,
          metadata: document.metadata,
          alsoIn: try choice.others.compactMap { try documents.place($0) }
        )
      )
    }
    return hits
  }

  private var neighbours: Int { min(max(request.neighbours, 0), SearchRequest.neighboursMax) }

  /// The first place of each passage whose document may have another hit, with the other places.
  private func choices(_ ranked: [(passage: PassageID, score: Double)]) throws -> [Choice] {
    var choices: [Choice] = []
    var counts: [DocumentID: Int] = [:]
    let most = max(request.limitPerDocument ?? Int.max, 0)
    // Looked up in stretches: most searches need the first only.
    for start in stride(from: 0, to: ranked.count, by: max(limit, 1)) {
      let stretch = ranked[start..<min(start + limit, ranked.count)]
      let places = try searcher.snapshot.occurrences(of: stretch.map(\.passage), filter: request.filter)
      for entry in stretch {
        guard let all = places[entry.passage],
          let chosen = all.firstIndex(where: { counts[$0.document, default: 0] < most })
        else { continue }
        counts[all[chosen].document, default: 0] += 1
        var others = all
        others.remove(at: chosen)
        choices.append(Choice(score: entry.score, place: all[chosen], others: others))
        if choices.count == limit { return choices }
      }
    }
    return choices
  }

  /// Documents that were looked up.
  private struct Documents {
    let searcher: Searcher
    private var known: [DocumentID: DocumentRecord] = [:]

    init(searcher: Searcher) { self.searcher = searcher }

    mutating func document(_ id: DocumentID) throws -> DocumentRecord? {
      if let document = known[id] { return document }
      let document = try searcher.snapshot.document(id)
      known[id] = document
      return document
    }

    mutating func place(_ occurrence: Occurrence) throws -> HitPlace? {
      guard let document = try document(occurrence.document) else { return nil }
      return HitPlace(
        source: document.sourceName,
        origin: document.origin,
        uri: try searcher.uri(document.sourceName, document.origin),
        document: document.id,
        position: TextPosition(start: occurrence.chunk.start, end: occurrence.chunk.end, page: occurrence.chunk.page)
      )
    }
  }
}
