import Freshet

extension ArticleExamples {
  static func severalSources() async throws {
    // snippet
    var notes = try SourceConfiguration.folder("notes", name: "notes", include: ["*.txt"], metadata: ["team": "ops"])
    notes.history = HistoryRules()
    notes.history?.keepLast = 3
    let sources = [try SourceConfiguration.folder("docs", name: "handbook"), notes]

    try await withCollection(at: "all.freshet", sources: sources) { collection in
      try await collection.sync()
      let request = SearchRequest("rotate", mode: .keyword, limit: 5, filter: .metadata("team", equals: "ops"))
      for hit in try await collection.search(request).hits { print(hit.source, hit.origin) }
    }
    // end
  }
}
