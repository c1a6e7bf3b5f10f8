import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet export`.
  static let export = Verb(
    "export",
    overview: "Write the collection's chunks and vectors for other programs.",
    options: [
      .value("format", "format", .choice(["jsonl", "faiss"]), default: "jsonl", "JSON Lines, or a FAISS index."),
      .value("output", short: "o", "file", .file, "The file; without it, or with -, stdout."),
      .flag("no-vectors", "Leave the vectors out of JSON Lines."),
    ],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        if invocation.value("format") == "faiss" {
          guard let path = invocation.value("output") else {
            throw UsageError("--format faiss needs --output FILE.", path: invocation.path)
          }
          guard !ExportFile.standardOutput.contains(path) else {
            throw UsageError("--format faiss is not written to stdout; name a file.", path: invocation.path)
          }
          let count = try await collection.exportFAISS(to: path)
          if session.writesJSON {
            try session.output.json(["vectors": .integer(Int64(count)), "file": .string(path)])
          } else if !session.isQuiet {
            session.diagnostics.line("\(count) vectors written.")
          }
          return .success
        }
        let writesVectors = !invocation.flag("no-vectors")
        try await ExportFile.write(to: invocation.value("output"), session.output) { output in
          try await collection.exportChunks { try output.json($0.json(withVector: writesVectors)) }
        }
        return .success
      }
    }
  )
}
