import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet status`.
  static let status = Verb(
    "status", overview: "Show what the collection holds and how it is.",
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let status = try await collection.status()
        if session.writesJSON {
          try session.output.json(status.json)
        } else {
          try session.output.write(status.text)
        }
        return .success
      }
    })

  /// `freshet verify`.
  static let verify = Verb(
    "verify", overview: "Prove that the collection is exactly what its sources are.",
    discussion: "Ends with 0 when everything holds, and with 1 when something does not.",
    options: [
      .flag("quick", "Do not read the stored contents."),
      .flag("offline", "Do not list the sources."),
    ],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let report = try await collection.verify(
          contents: !invocation.flag("quick"), sources: !invocation.flag("offline"))
        if session.writesJSON {
          try session.output.json(report.json)
        } else {
          for problem in report.problems { try session.output.line("\(problem.code): \(problem.message)".displayable) }
          let counts =
            "\(report.documents) documents, \(report.chunks) chunks, \(report.passages) passages, \(report.vectors) vectors"
          try session.output.line(
            report.isOK ? "Verified: \(counts)." : "Not as it should be: \(report.problems.count) problems in \(counts).")
        }
        return report.isOK ? .success : .failure
      }
    })

  /// `freshet runs`.
  static let runs = Verb(
    "runs", overview: "Show the last syncs.",
    options: [.value("limit", "n", .integer(1...100_000), default: "20", "At most so many.")],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let runs = try await collection.runs(limit: invocation.integer("limit") ?? 20)
        if session.writesJSON {
          for run in runs { try session.output.json(run.json) }
          return .success
        }
        var table = TextTable([
          .left("STARTED"), .left("ACTOR"), .right("CREATED"), .right("MODIFIED"), .right("RENAMED"),
          .right("DELETED"), .right("FAILED"), .right("EMBEDDED"), .right("SECONDS"),
        ])
        for run in runs {
          func number(_ group: String, _ name: String) -> String { run.report?[group]?[name]?.description ?? "-" }
          table.add([
            String(run.startedAt.description.prefix(19)), run.actor, number("documents", "created"),
            number("documents", "modified"), number("documents", "renamed"), number("documents", "deleted"),
            number("documents", "failed"), number("chunks", "embedded"), number("seconds", "total"),
          ])
        }
        try session.output.write(table.text(session))
        return .success
      }
    })

  /// `freshet health`.
  static let health = Verb(
    "health", overview: "Check that the collection can do its work: database, disk, index, embedder.",
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let checks = await collection.health()
        let isOK = checks.allSatisfy(\.isOK)
        if session.writesJSON {
          try session.output.json([
            "ok": .boolean(isOK),
            "checks": .array(
              checks.map { ["name": .string($0.name), "ok": .boolean($0.isOK), "message": .string($0.message)] }),
          ])
        } else {
          for check in checks {
            try session.output.line("\(check.isOK ? "ok  " : "BAD ") \(check.name): \(check.message)".displayable)
          }
        }
        return isOK ? .success : .failure
      }
    })

  /// `freshet reindex`.
  static let reindex = Verb(
    "reindex", overview: "Build the vector index anew from the stored vectors; nothing is embedded.",
    options: [
      .flag("backup-restore", "Put the index's backup in its place instead."),
      .value("wait", "duration", .duration, default: "0s", "Wait so long for another writer to end."),
    ],
    run: { invocation in
      let session = Session(invocation)
      return try await session.writing { collection in
        if invocation.flag("backup-restore") {
          try await collection.restoreIndexBackup()
        } else {
          try await collection.reindex()
        }
        let status = try await collection.status()
        if session.writesJSON {
          try session.output.json(status.json)
        } else if !session.isQuiet {
          try session.output.line("The index is at change \(status.head.sequence).")
        }
        return .success
      }
    })

  /// `freshet migrate`.
  static let migrate = Verb(
    "migrate", overview: "Bring an older collection's database to this version's form.",
    run: { invocation in
      let session = Session(invocation)
      return try await session.writing { collection in
        let head = try await collection.status().head
        if session.writesJSON {
          try session.output.json(["ok": true, "sequence": .integer(head.sequence)])
        } else if !session.isQuiet {
          try session.output.line("The collection is in this version's form.")
        }
        return .success
      }
    })

  /// `freshet export`.
  static let export = Verb(
    "export", overview: "Write the collection's chunks and vectors for other programs.",
    options: [
      .value("format", "format", .choice(["jsonl", "faiss"]), default: "jsonl", "JSON Lines, or a FAISS index."),
      .value("output", short: "o", "file", .file, "The file; JSON Lines go to stdout without it."),
      .flag("no-vectors", "Leave the vectors out of JSON Lines."),
    ],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        if invocation.value("format") == "faiss" {
          guard let path = invocation.value("output") else {
            throw UsageError("--format faiss needs --output FILE.", path: invocation.path)
          }
          let count = try await collection.exportFAISS(to: path)
          if !session.isQuiet { session.diagnostics.line("\(count) vectors written.") }
          return .success
        }
        let writesVectors = !invocation.flag("no-vectors")
        try await ExportFile.write(to: invocation.value("output"), session.output) { output in
          try await collection.exportChunks { try output.json($0.json(withVector: writesVectors)) }
        }
        return .success
      }
    })

  /// `freshet model`.
  static let model = Verb(
    "model", overview: "Show the embedding models of the collection.",
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let models = try await collection.models()
        if session.writesJSON {
          for model in models {
            try session.output.json([
              "model": .string(model.description.name), "fingerprint": .string(model.description.fingerprint),
              "dimension": .integer(Int64(model.description.dimension)), "state": .string(model.state.rawValue),
            ])
          }
          return .success
        }
        var table = TextTable([.left("MODEL"), .right("DIMENSION"), .left("STATE"), .flexible("FINGERPRINT")])
        for model in models {
          table.add([
            model.description.name, "\(model.description.dimension)", model.state.rawValue,
            model.description.fingerprint,
          ])
        }
        try session.output.write(table.text(session))
        return .success
      }
    })

  /// `freshet completions`, for the verbs that are given.
  static func completions(of root: @escaping @Sendable () -> Verb) -> Verb {
    Verb(
      "completions", overview: "Print a completion script for a shell.",
      arguments: [Argument("shell", .choice(Shell.allCases.map(\.rawValue)), "bash, zsh or fish.")],
      run: { invocation in
        let session = Session(invocation)
        guard let shell = invocation.argument("shell").flatMap(Shell.init) else { return .usage }
        try session.output.write(CompletionScript.text(for: shell, root: root()))
        return .success
      })
  }
}
