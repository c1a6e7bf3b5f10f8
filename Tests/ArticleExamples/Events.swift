import Freshet

extension ArticleExamples {
  static func events() async throws {
    try await withHistory { collection in
      try write("Nobody has the key.\n", to: "docs/lost.md")
      try await callBack(collection)
      // snippet
      for try await event in collection.events(after: 0, following: false) {
        print(event.change, event.uri, event.metadata["team"] ?? "")
      }
      // end

      // snippet
      let consumer = try await collection.consumer("search-cache")
      for try await batch in consumer.batches(following: false) {
        for event in batch.events { print("forget what is cached of", event.origin) }
        try await consumer.acknowledge(batch)
      }
      // end
    }
  }

  private static func callBack(_ collection: Collection) async throws {
    // snippet
    let subscription = collection.onChange(matching: EventFilter(patterns: ["*.md"])) { event in
      print(event.sequence, event.change, event.origin)
    }
    let report = try await collection.sync()
    print("\(report.callbacks.calls) calls, \(report.callbacks.failed) failed")
    subscription.cancel()
    // end
  }
}
