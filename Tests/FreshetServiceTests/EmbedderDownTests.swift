import Freshet
import FreshetSources
import FreshetTestKit
import Testing

@testable import FreshetService

/// A service whose embedder does not answer for a while.
@Suite(.timeLimit(.minutes(10))) struct EmbedderDownTests: LiveSuite {
  let fixture: LiveFixture

  init() throws {
    fixture = try LiveFixture(files: [:])
    for number in 0..<6 { try folder.write("docs/\(number).md", "Text number \(number).\n") }
  }

  private func with(
    _ policy: SyncConfiguration.EmbedderDown,
    _ body: (Collection, LiveService, Told) async throws -> Void
  ) async throws {
    try await with({ $0.sync.onEmbedderDown = policy }, options: { $0.embedderDoubtInterval = .milliseconds(50) }, body)
    #expect(embedder.repeated.isEmpty)
  }

  @Test func keywordsFindTheNewTextFirstAndVectorsFollowWithoutReadingAgain() async throws {
    try await with(.keywordFirst) { collection, service, told in
      await told.idle()
      embedder.trouble { $0.isDown = true }
      try folder.write("docs/1.md", "The vault is copied every night.\n")
      try folder.write("docs/new.md", "A llama came along.\n")
      release("1.md", "new.md")
      await told.worked(.fresh)
      for (word, origin) in [("vault", "1.md"), ("llama", "new.md")] {
        var request = SearchRequest(word)
        request.mode = .keyword
        #expect(try await collection.search(request).hits.first?.origin == origin)
      }
      #expect(try await collection.status().counts.awaitingVectors == 2)
      let report = try await collection.verify()
      #expect(report.isOK && report.awaitingVectors == 2)
      #expect(report.vectors == 5)
      let read = service.status.totals.documents
      embedder.trouble { $0.isDown = false }
      await told.until { embedder.counts.keys.contains { $0.contains("llama") } }
      while try await collection.awaitsVectors() { try await Task.sleep(for: .milliseconds(20)) }
      #expect(try await collection.versions(of: "1.md").map(\.kind) == [.created, .modified])
      #expect(try await collection.failures().isEmpty)
      let documents = service.status.totals.documents
      #expect(documents.failed == 0 && documents.modified == read.modified && documents.created == read.created)
    }
  }

  @Test func whatFailedIsTakenUpWhenTheEmbedderIsBack() async throws {
    try await with(.keepOld) { collection, service, told in
      await told.idle()
      embedder.trouble { $0.isDown = true }
      for number in 10..<40 { try folder.write("docs/\(number).md", "Text number \(number).\n") }
      // What needs no embedder goes on.
      try folder.write("docs/copy.md", "Text number 1.\n")
      feed.send(WatchRelease(source: "docs", isEverything: true))
      await told.until { service.status.isEmbedderDown }
      await told.until { service.status.totals.documents.created >= 7 }
      let calls = embedder.calls
      #expect(try await collection.document("copy.md").state == .live)
      embedder.trouble { $0.isDown = false }
      await told.until { service.status.totals.documents.created == 37 }
      #expect(embedder.calls > calls)
      await told.until { service.status.queued == 0 && service.status.working == nil }
      #expect(try await collection.failures().isEmpty)
    }
  }

  @Test func oneThatHangsHoldsNothingUpThatNeedsItNot() async throws {
    try await with({ _ in }, options: { $0.embedderDoubtInterval = .milliseconds(50) }) { collection, service, told in
      await told.idle()
      embedder.trouble { $0.hangs = true }
      let (calls, call) = AsyncStream.makeStream(of: Int.self)
      embedder.onCall { call.yield($0) }
      try folder.write("docs/1.md", "The vault is copied every night.\n")
      release("1.md")
      for await _ in calls { break }
      try folder.move("docs/2.md", to: "docs/moved.md")
      feed.send(WatchRelease(source: "docs", files: ["2.md", "moved.md"].map { Array($0.utf8) }))
      await told.until { service.status.totals.documents.renamed == 1 }
      #expect(try await collection.document("moved.md").state == .live)
      #expect(try await collection.failures().first?.error.message.contains("had not answered") == true)
      embedder.trouble { $0.hangs = false }
      await told.until { service.status.totals.documents.modified == 1 }
      await told.until { service.status.queued == 0 && service.status.working == nil }
      #expect(try await collection.failures().isEmpty)
    }
  }
}
