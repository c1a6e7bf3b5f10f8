import Foundation
import Testing

/// What an object must have: each name with the kind of its value.
private enum Kind {
  case text, number, boolean, texts, object, list, textOrNull, numberOrNull, any
}

@Suite struct ContractTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.writeDocuments()
  }

  /// Fields may be added, never renamed or left out.
  private func expect(
    _ object: [String: Any]?,
    has fields: [String: Kind],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    guard let object else {
      Issue.record("there is no object", sourceLocation: sourceLocation)
      return
    }
    for (name, kind) in fields {
      guard let value = object[name] else {
        Issue.record("`\(name)` is missing in \(object)", sourceLocation: sourceLocation)
        continue
      }
      let isNumber = value is NSNumber
      let fits =
        switch kind {
        case .text: value is String
        case .number, .boolean: isNumber
        case .texts: value is [String]
        case .object: value is [String: Any]
        case .list: value is [Any]
        case .textOrNull: value is String || value is NSNull
        case .numberOrNull: isNumber || value is NSNull
        case .any: true
        }
      #expect(fits, "`\(name)` is \(value)", sourceLocation: sourceLocation)
    }
  }

  @Test func syncTellsEachChangeAndFailureAndASummaryLast() async throws {
    try workshop.write("docs/broken.json", "{\"text\":")
    let objects = try await workshop.freshet("sync", "docs", "--json").objects()
    #expect(objects.map { $0["type"] as? String ?? "" }.sorted() == ["document", "document", "failure", "summary"])
    let document = objects.first { $0["origin"] as? String == "keys.md" }
    expect(
      document,
      has: [
        "source": .text, "uri": .text, "document": .text, "change": .text, "version": .number, "chunks": .object,
      ]
    )
    #expect(document?["change"] as? String == "created" && document?["version"] as? Int == 1)
    #expect(document?["uri"] as? String == "file://\(workshop.path)/docs/keys.md")
    expect(document?["chunks"] as? [String: Any], has: ["added": .number, "removed": .number, "embedded": .number])
    let failure = objects.first { $0["type"] as? String == "failure" }
    expect(failure, has: ["source": .text, "origin": .text, "error": .object, "attempts": .number])
    expect(failure?["error"] as? [String: Any], has: ["code": .text, "message": .text])
    let summary = try #require(objects.last)
    expect(
      summary,
      has: [
        "run": .text, "sequence": .number, "checkpoints": .number, "success_rate": .number, "documents": .object,
        "chunks": .object, "embedder": .object, "seconds": .object, "peak_memory_bytes": .number,
      ]
    )
    let names = [
      "created", "modified", "renamed", "deleted", "restored", "unchanged", "skipped", "failed", "held",
    ]
    expect(summary["documents"] as? [String: Any], has: Dictionary(uniqueKeysWithValues: names.map { ($0, .number) }))
    expect(
      summary["chunks"] as? [String: Any],
      has: ["total": .number, "added": .number, "removed": .number, "reused": .number, "embedded": .number]
    )
    expect(summary["embedder"] as? [String: Any], has: ["calls": .number, "tokens": .number])
    let stages = ["total", "list", "parse", "embed", "commit", "index"]
    expect(summary["seconds"] as? [String: Any], has: Dictionary(uniqueKeysWithValues: stages.map { ($0, .number) }))
    let documents = try #require(summary["documents"] as? [String: Int])
    #expect(documents["created"] == 2 && documents["failed"] == 1)
  }

  @Test func aDryRunForecastsAndChangesNothing() async throws {
    let forecast = try await workshop.freshet("sync", "docs", "--dry-run", "--json").last()
    #expect(forecast["type"] as? String == "forecast")
    expect(forecast, has: ["documents": .object, "chunks": .object, "embedder": .object, "held": .list])
    #expect(!workshop.exists("docs/.freshet"))
  }

  @Test func searchTellsHits() async throws {
    _ = try await workshop.freshet("sync", "docs")
    let answer = try await workshop.freshet("search", "rotate", "keys", "--json", "-k", "1", at: "docs").last()
    expect(answer, has: ["query": .text, "mode": .text, "sequence": .number, "hits": .list])
    #expect(answer["query"] as? String == "rotate keys" && answer["mode"] as? String == "hybrid")
    let hits = try #require(answer["hits"] as? [[String: Any]])
    #expect(hits.count == 1)
    expect(
      hits.first,
      has: [
        "source": .text, "origin": .text, "uri": .text, "document": .text, "version": .number, "title": .text,
        "heading": .texts, "text": .text, "position": .object, "score": .number, "metadata": .object, "also_in": .list,
      ]
    )
    expect(
      hits.first?["position"] as? [String: Any],
      has: ["start": .number, "end": .number, "page": .numberOrNull]
    )
    #expect(hits.first?["origin"] as? String == "keys.md")
  }

  @Test func listTellsDocuments() async throws {
    _ = try await workshop.freshet("sync", "docs")
    let objects = try await workshop.freshet("list", "--json", at: "docs").objects()
    #expect(objects.compactMap { $0["origin"] as? String } == ["guide/backup.md", "keys.md"])
    for object in objects {
      expect(
        object,
        has: [
          "source": .text, "uri": .text, "document": .text, "name": .text, "type": .text, "state": .text,
          "version": .number, "versions": .number, "hash": .text, "size": .number, "chunks": .number,
          "file_modified": .text, "created_at": .text, "updated_at": .text, "metadata": .object,
        ]
      )
      #expect(object["state"] as? String == "live")
    }
  }

  @Test func historyTellsVersions() async throws {
    _ = try await workshop.freshet("sync", "docs", "--actor", "first")
    try workshop.write("docs/keys.md", "# Keys\n\nRotate the keys twice a year.\n")
    _ = try await workshop.freshet("sync", "docs", "--actor", "second")
    let versions = try await workshop.freshet("history", "keys.md", "--json", at: "docs").objects()
    #expect(versions.map { $0["version"] as? Int } == [1, 2])
    #expect(versions.map { $0["change"] as? String } == ["created", "modified"])
    #expect(versions.map { $0["actor"] as? String } == ["first", "second"])
    for version in versions {
      expect(version, has: ["hash": .text, "size": .number, "at": .text, "run": .text, "from": .textOrNull])
    }
    let old = try await workshop.freshet("show", "keys.md", "--version", "1", "--raw", at: "docs")
    #expect(old.output == "# Keys\n\nRotate the keys once a year.\n")
  }

  @Test func verifyTellsCountsAndProblems() async throws {
    _ = try await workshop.freshet("sync", "docs")
    let fields: [String: Kind] = [
      "ok": .boolean, "documents": .number, "chunks": .number, "passages": .number, "vectors": .number,
      "problems": .list,
    ]
    let good = try await workshop.freshet("verify", "--json", at: "docs").last()
    expect(good, has: fields)
    #expect(good["ok"] as? Bool == true && good["documents"] as? Int == 2)
    try workshop.remove("docs/keys.md")
    let bad = try await workshop.freshet("verify", "--json", at: "docs").last()
    expect(bad, has: fields)
    let problems = try #require(bad["problems"] as? [[String: Any]])
    #expect(bad["ok"] as? Bool == false && !problems.isEmpty)
    for problem in problems {
      expect(problem, has: ["code": .text, "document": .textOrNull, "version": .numberOrNull, "message": .text])
    }
  }

  @Test func statusTellsTheCollection() async throws {
    _ = try await workshop.freshet("sync", "docs")
    let status = try await workshop.freshet("status", "--json", at: "docs").last()
    expect(
      status,
      has: [
        "collection": .text, "sequence": .number, "documents": .number, "chunks": .number, "awaiting_vectors": .number,
        "model": .text, "daemon": .object, "last_run": .object, "last_processed": .text, "last_rebuild": .textOrNull,
        "rebuild_threshold": .number, "changed_since_rebuild": .number, "failures": .number,
      ]
    )
    expect(status["daemon"] as? [String: Any], has: ["running": .boolean, "pid": .numberOrNull])
    #expect(status["documents"] as? Int == 2)
  }

  @Test func exportTellsChunksWithTheirVectors() async throws {
    _ = try await workshop.freshet("sync", "docs")
    let chunks = try await workshop.freshet("export", at: "docs").objects()
    #expect(chunks.count == 2)
    for chunk in chunks {
      expect(
        chunk,
        has: [
          "document": .text, "source": .text, "origin": .text, "version": .number, "chunk": .text, "heading": .texts,
          "text": .text, "vector": .list, "metadata": .object,
        ]
      )
      #expect((chunk["vector"] as? [Double])?.count == 384)
    }
    let file = try await workshop.freshet("export", "--no-vectors", "-o", "chunks.jsonl", at: "docs")
    #expect(file.code == 0 && file.output.isEmpty)
    #expect(try workshop.text("docs/chunks.jsonl").split(separator: "\n").count == 2)
    #expect(!workshop.exists("docs/chunks.jsonl.partial"))
  }
}
