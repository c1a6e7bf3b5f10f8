import Freshet

extension ArticleExamples {
  static func tracking() async throws {
    try await withCollection(try configuration()) { collection in
      try await trackOne(collection)
      try await trackFolder(collection)
      try await stopAtTheFirst(collection)
    }
  }

  private static func trackOne(_ collection: Collection) async throws {
    // snippet
    let report = try await collection.track(["docs/keys.md"], metadata: ["team": "ops"])
    print("created \(report.documents.created), modified \(report.documents.modified)")
    // end
  }

  private static func trackFolder(_ collection: Collection) async throws {
    // snippet
    let request = TrackingRequest(patterns: ["*.md", "*.txt"], maxWorkers: 4)
    let result = try await collection.track(folder: "docs", request) { progress in
      print("\(progress.completed) of \(progress.total)")
    }
    print("\(result.succeeded) of \(result.total) in \(result.duration)")
    for document in result.changed { print(document.change, document.origin, "version \(document.version)") }
    for failure in result.failed { print(failure.origin, failure.error.code, failure.error.message) }
    if result.successRate < 0.95 { print("more than one in twenty failed") }
    // end
  }

  private static func stopAtTheFirst(_ collection: Collection) async throws {
    // snippet
    let strict = TrackingRequest(onError: .stop)
    let result = try await collection.track(folder: "docs", strict)
    if result.isStopped, let failure = result.failed.first { print("stopped at", failure.origin) }
    // end
  }
}
