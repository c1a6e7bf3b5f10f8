import Freshet

extension ArticleExamples {
  static func scheduledJob() async throws {
    let code = await runJob(try configuration())
    print("ended with \(code)")
    try await withCollection(try configuration()) { collection in
      // snippet
      for failure in try await collection.failures() {
        print(failure.origin, failure.attempts, failure.error.message)
      }
      // end
    }
  }
}

// snippet
func runJob(_ configuration: Configuration) async -> Int32 {
  do {
    let report = try await withCollection(configuration, for: .writing(waiting: .seconds(300))) { collection in
      try await collection.sync()
    }
    print("\(report.documents.processed) documents, \(report.chunks.embedded) passages embedded")
    for held in report.held { print(held.sentence) }
    return report.documents.failed == 0 && report.held.isEmpty ? 0 : 1
  } catch let error as FreshetError where error.code == .locked {
    print("another run is still at work")
    return 0
  } catch {
    print(error)
    return 1
  }
}
// end
