import Freshet

extension ArticleExamples {
  static func history() async throws {
    try await withHistory { collection in
      // snippet
      for version in try await collection.versions(of: "keys.md") {
        print(version.number, version.kind, version.at, version.contentHash)
      }
      let latest = try await collection.version(of: "keys.md")
      let first = try await collection.version(.first, of: "keys.md")
      print(latest.number, latest.content?.count ?? 0, first.hash)
      // end

      // snippet
      let diff = try await collection.diff("keys.md", from: 1, to: 2)
      print("+\(diff.additions) −\(diff.deletions)")
      print(String(decoding: diff.unified, as: UTF8.self))
      // end

      // snippet
      var request = RestoreRequest()
      request.version = 1
      let restored = try await collection.restore("keys.md", request)
      print(restored.path, restored.isWritten)
      // end

      // snippet
      let then = try await collection.search(SearchRequest("rotate keys", mode: .keyword, limit: 5, asOf: .sequence(1)))
      let names = try await collection.documents(asOf: .ago(.seconds(86_400))).map(\.origin)
      print(then.hits.map(\.origin), names)
      // end

      // snippet
      let answer = try await collection.version(.assigned(to: "user-17", among: [1, 2]), of: "keys.md")
      print("group \(answer.group ?? 0) reads version \(answer.number)")
      // end
    }
  }
}
