import Freshet

extension ArticleExamples {
  static func overview() async throws {
    // snippet
    let folder = try SourceConfiguration.folder("docs")
    let hits = try await withCollection(at: "docs.freshet", sources: [folder]) { collection in
      try await collection.sync()
      return try await collection.search("how do I rotate keys", limit: 5)
    }
    for hit in hits { print(hit.title, hit.origin) }
    // end
  }
}
