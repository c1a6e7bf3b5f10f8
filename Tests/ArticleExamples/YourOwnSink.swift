import Freshet

// snippet
actor TitleTable {
  private(set) var titles: [DocumentID: String] = [:]
  private var listed: Set<DocumentID>?

  func apply(_ event: CollectionEvent) {
    switch event.change {
    case .deleted:
      if let document = event.document { titles[document] = nil }
    case .resyncStarted:
      listed = []
    case .resyncFinished:
      // What the listing did not name is gone.
      if let listed { titles = titles.filter { listed.contains($0.key) } }
      listed = nil
    case .changesSkipped:
      break
    default:
      guard let document = event.document else { return }
      titles[document] = event.name
      listed?.insert(document)
    }
  }
}
// end

extension ArticleExamples {
  static func yourOwnSink() async throws {
    try await withHistory { collection in
      // snippet
      let table = TitleTable()
      let consumer = try await collection.consumer("titles")
      for try await batch in consumer.batches(following: false, onLapse: .resync) {
        for event in batch.events { await table.apply(event) }
        try await consumer.acknowledge(batch)
      }
      // end
      print("titles:", await table.titles.values.sorted())
    }
  }
}
