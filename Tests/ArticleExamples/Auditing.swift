import Freshet

extension ArticleExamples {
  static func auditing() async throws {
    try await withHistory { collection in
      // snippet
      for try await part in collection.audit(since: .ago(.seconds(30 * 86_400))) {
        switch part {
        case .header(let header): print("\(header.totals.changes) changes up to \(header.head.sequence)")
        case .run(let run): print("run \(run.id) by \(run.actor)")
        case .document(let document): print(document.origin)
        case .change(let entry): print(" ", entry.change.kind, entry.change.at, entry.actor ?? "")
        }
      }
      // end

      // snippet
      let proof = try await collection.verify(document: "keys.md")
      print(proof.isOK ? "verified" : "failed: \(proof.problems)")
      // end

      // snippet
      let kept = try await collection.verify().head
      let later = try await collection.verify(recorded: kept)
      print(later.problems.isEmpty ? "as it was recorded" : "\(later.problems.count) problems")
      // end
    }
  }
}
