import Freshet
import FreshetTestKit
import Synchronization
import Testing

/// A folder that is tracked as a whole, with a result of each document.
@Suite struct TrackFolderTests {
  private let folder: TemporaryDirectory
  private let embedder = CountingEmbedder()

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
    try folder.write("docs/notes.txt", "The vault is copied every night.\n")
    try folder.write("docs/deep/more.md", "# More\n\nMuch more.\n")
  }

  private var docs: String { folder.path + "/docs" }

  private func with<Result>(
    _ body: (Collection) async throws -> sending Result
  ) async throws -> sending Result {
    let source = try SourceConfiguration.folder(docs)
    return try await withCollection(at: folder.path + "/docs.freshet", sources: [source], embedder: embedder, body)
  }

  @Test func patternsAndDepthChooseTheFiles() async throws {
    try await with { collection in
      let shallow = TrackingRequest(patterns: ["*.md"], isRecursive: false, maxWorkers: 1, metadata: ["team": "ops"])
      let first = try await collection.track(folder: docs, shallow)
      #expect(first.changed.map(\.origin) == ["keys.md"] && first.total == 1 && first.successRate == 1)
      #expect(try await collection.document("keys.md").metadata["team"] == "ops")
      let deep = try await collection.track(folder: docs, TrackingRequest(patterns: ["*.md"]))
      #expect(deep.changed.map(\.origin) == ["deep/more.md"] && deep.unchanged == 1 && deep.succeeded == 2)
      let below = try await collection.track(folder: docs + "/deep", TrackingRequest(patterns: ["more.*"]))
      #expect(below.changed.isEmpty && below.unchanged == 1)
      let all = try await collection.track(folder: docs)
      #expect(all.changed.map(\.origin) == ["notes.txt"] && all.unchanged == 2 && !all.isStopped)
      #expect(all.sequence == 3 && embedder.calls == 0)
      let nothing = try await collection.track(folder: docs, TrackingRequest(patterns: ["*.rst"]))
      #expect(nothing.total == 0 && nothing.successRate == 1 && nothing.sequence == 3)
      #expect(try await collection.verify().problems == [])
    }
  }

  @Test func aFileThatIsGoneIsDeletedOnlyWhereThePatternsReach() async throws {
    try await with { collection in
      _ = try await collection.track(folder: docs)
      folder.remove("docs/keys.md")
      folder.remove("docs/notes.txt")
      let texts = try await collection.track(folder: docs, TrackingRequest(patterns: ["*.txt"]))
      #expect(texts.changed.map(\.origin) == ["notes.txt"] && texts.changed.map(\.change) == [.deleted])
      #expect(try await collection.documents().map(\.origin).sorted() == ["deep/more.md", "keys.md"])
    }
  }

  @Test func oneFailureStopsNothingAndIsToldWithItsError() async throws {
    try folder.write("docs/broken.json", "{ \"text\": ")
    let steps = Mutex<[TrackingProgress]>([])
    try await with { collection in
      let result = try await collection.track(folder: docs) { step in steps.withLock { $0.append(step) } }
      #expect(result.failed.map(\.origin) == ["broken.json"] && result.failed.first?.error.code == .parserFailed)
      #expect(result.succeeded == 3 && result.total == 4 && result.successRate == 0.75 && !result.isStopped)
      #expect(result.duration > .zero)
    }
    let last = try #require(steps.withLock { $0 }.last)
    #expect(last.completed == 4 && last.total == 4 && last.isTotalKnown && last.fraction == 1)
  }

  @Test func aFailureEndsItWhereThatIsAsked() async throws {
    for number in 0..<300 { try folder.write("docs/z/\(number).txt", "Text \(number).\n") }
    try folder.write("docs/a.json", "{ \"text\": ")
    try await with { collection in
      let request = TrackingRequest(maxWorkers: 1, onError: .stop)
      let result = try await collection.track(folder: docs, request)
      #expect(result.failed.map(\.origin) == ["a.json"] && result.isStopped)
      #expect(result.total < 10)
      // What was done is committed, and the rest comes with the next one.
      #expect(try await collection.documents().count == result.changed.count)
      folder.remove("docs/a.json")
      let rest = try await collection.track(folder: docs, request)
      #expect(rest.failed.isEmpty && rest.total == 303 && !rest.isStopped)
    }
  }

  @Test func whatNoSourceHoldsAndBadPatternsAreRefused() async throws {
    try await with { collection in
      for (place, pattern) in [(folder.path, "["), ("/nowhere/at/all", "*.md")] {
        do {
          _ = try await collection.track(folder: place, TrackingRequest(patterns: [pattern]))
          Issue.record("nothing was thrown")
        } catch let error as FreshetError {
          #expect(error.code == .invalidArgument, "\(error)")
        }
      }
    }
  }

  @Test func aScopedCollectionIsClosedAlsoByAnError() async throws {
    struct Refused: Error {}
    await #expect(throws: Refused.self) {
      try await with { _ in throw Refused() }
    }
    // The lock is free again.
    let origins = try await with { collection in
      try await collection.sync()
      return try await collection.documents().count
    }
    #expect(origins == 3)
  }
}
