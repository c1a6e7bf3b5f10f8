import FreshetModel

/// What a snapshot answers to a set of questions, to be compared with what another one answers to them.
struct PastAnswers: Equatable {
  /// The questions.
  struct Questions: Sendable {
    var documents: [DocumentID]
    var contents: [ContentHash]
    var sources: [SourceID]
    var origins: [String]
    var queries: [String]
    var filters: [Filter]
    var model: ModelID
    var passages: [PassageID]
  }

  var head: Head
  var listings: [[DocumentRecord]] = []
  var documents: [DocumentRecord?] = []
  var places: [DocumentRecord?] = []
  var versions: [[VersionRecord]] = []
  var chunks: [[ChunkRecord]] = []
  var keywords: [[ScoredPassage]] = []
  var matching: [PassageSet] = []
  var occurrences: [[PassageID: [Occurrence]]] = []
  var vectors: [[PassageID]] = []
  var changes: [ChangeRecord] = []
  var changed: [[PassageID]] = []
  var chains: [ContentHash?] = []
  var counts: CollectionCounts
  var numbers: [Int?] = []

  init(_ snapshot: any StoreSnapshot, _ questions: Questions) throws {
    head = snapshot.head
    counts = try snapshot.counts()
    for order in DocumentQuery.Order.allCases {
      for state in [nil, DocumentState.live, .deleted] {
        var query = DocumentQuery()
        query.order = order
        query.state = state
        query.descending = order == .updated
        listings.append(try snapshot.documents(query).map(Self.withHistory))
      }
    }
    for filter in questions.filters {
      var query = DocumentQuery()
      query.filter = filter
      query.state = nil
      listings.append(try snapshot.documents(query).map(Self.withHistory))
      query.source = "docs"
      query.offset = 1
      query.limit = 3
      listings.append(try snapshot.documents(query).map(Self.withHistory))
    }
    for content in questions.contents {
      listings.append(try snapshot.liveDocuments(contentHash: content).map(Self.withHistory))
    }
    listings.append(try snapshot.documents(idPrefix: "", limit: 1_000).map(Self.withHistory))
    for id in questions.documents {
      documents.append(try snapshot.document(id).map(Self.withHistory))
      versions.append(try snapshot.versions(of: id))
      chunks.append(try snapshot.chunks(of: id))
      for content in questions.contents { numbers.append(try snapshot.version(of: id, contentHash: content)) }
    }
    for source in questions.sources {
      for origin in questions.origins {
        places.append(try snapshot.liveDocument(source: source, origin: origin).map(Self.withHistory))
        places.append(try snapshot.deletedDocument(source: source, origin: origin).map(Self.withHistory))
      }
    }
    numbers.append(try snapshot.liveDocumentCount(source: nil))
    numbers.append(try snapshot.liveDocumentCount(source: "docs"))
    numbers.append(try snapshot.liveDocumentIDs(after: nil, limit: 1_000).count)
    for filter in questions.filters {
      matching.append(try snapshot.passages(matching: filter))
      occurrences.append(try snapshot.occurrences(of: questions.passages, filter: filter))
    }
    occurrences.append(try snapshot.occurrences(of: questions.passages, filter: nil))
    for query in questions.queries {
      keywords.append(try snapshot.keywordMatches(query, limit: 1_000, members: nil))
      keywords.append(try snapshot.keywordMatches(query, limit: 3, members: matching.first))
    }
    vectors.append(try snapshot.liveVectors(model: questions.model, after: 0, limit: 1_000).passages)
    vectors.append(try snapshot.liveVectors(model: questions.model, after: 5, limit: 4).passages)
    vectors.append(try snapshot.livePassagesWithoutVector(model: questions.model, after: 0, limit: 1_000))
    let sequence = head.sequence
    changes = try snapshot.changes(after: max(0, sequence - 4), limit: 10)
    for earlier in [0, max(0, sequence - 5)] {
      let (live, gone) = try snapshot.passagesChanged(after: earlier)
      changed += [live, gone]
    }
    chains = [try snapshot.chain(at: sequence), try snapshot.chain(at: sequence + 1)]
  }

  /// A document without what has no history.
  private static func withHistory(_ document: DocumentRecord) -> DocumentRecord {
    var document = document
    document.itemPath = []
    return document
  }

  /// The first part in which two answers differ.
  func difference(from other: PastAnswers) -> String? {
    func part<Value: Equatable>(_ name: String, _ path: KeyPath<PastAnswers, Value>) -> String? {
      let (found, expected) = (self[keyPath: path], other[keyPath: path])
      return found == expected ? nil : "\(name): found \(found), expected \(expected)"
    }
    func part<Value: Equatable>(_ name: String, _ path: KeyPath<PastAnswers, [Value]>) -> String? {
      let (found, expected) = (self[keyPath: path], other[keyPath: path])
      guard let index = zip(found, expected).enumerated().first(where: { $1.0 != $1.1 })?.offset else { return nil }
      return "\(name)[\(index)]: found \(found[index]), expected \(expected[index])"
    }
    var parts = [part("head", \.head), part("listings", \.listings), part("documents", \.documents)]
    parts += [part("places", \.places), part("versions", \.versions), part("chunks", \.chunks)]
    parts += [part("keywords", \.keywords), part("matching", \.matching), part("occurrences", \.occurrences)]
    parts += [part("vectors", \.vectors), part("changes", \.changes), part("changed", \.changed)]
    parts += [part("chains", \.chains), part("counts", \.counts), part("numbers", \.numbers)]
    return parts.compactMap { $0 }.first
  }
}
