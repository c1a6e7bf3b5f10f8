import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync
import FreshetSystem

extension Verb {
  /// `freshet verify`.
  static let verify = Verb(
    "verify",
    overview: "Prove that the collection is exactly what its sources are, and that its history is unaltered.",
    discussion: "Ends with 0 when everything holds, and with 1 when something does not: docs/audit.md.",
    arguments: [
      Argument(
        "document",
        .text,
        isOptional: true,
        isRepeated: true,
        "Only these documents: paths, origins, source:origin, URIs, or the starts of their identities."
      )
    ],
    options: [
      .flag("quick", "Do not read the stored contents."),
      .flag("offline", "Do not list the sources."),
      .value(
        "head",
        "file|sequence:chain",
        .text,
        "A head recorded earlier: the history up to it must still be the same."
      ),
      .value("write-head", "file", .file, "When everything holds, record the head in a file; `-` prints it."),
      .value("embeddings", "n", .integer(1...1_000_000), "Embed about so many texts again, and compare the vectors."),
    ],
    run: { invocation in
      let session = Session(invocation)
      let names = invocation.arguments("document")
      if !names.isEmpty,
        let option = ["head", "write-head", "embeddings"].first(where: { invocation.value($0) != nil })
      {
        throw UsageError("--\(option) is for the whole collection; name no documents with it.", path: invocation.path)
      }
      let recorded = try invocation.value("head").map(recordedHead)
      return try await session.reading { collection in
        if !names.isEmpty { return try await verify(names, collection, session) }
        let report = try await collection.verify(
          contents: !invocation.flag("quick"),
          sources: !invocation.flag("offline"),
          recorded: recorded,
          embeddings: invocation.integer("embeddings") ?? 0
        )
        let target = invocation.value("write-head")
        if session.writesJSON {
          try session.output.json(report.json)
        } else if target != "-" || !report.isOK {
          for line in report.lines(recorded: recorded) { try session.output.line(line.displayable) }
        }
        if let target { try write(report, to: target, session) }
        return report.isOK ? .success : .failure
      }
    }
  )

  private static func recordedHead(_ text: String) throws -> RecordedHead {
    if let head = RecordedHead(short: text) { return head }
    guard try FileSystem.exists(text) else {
      throw FreshetError(
        .invalidArgument,
        "there is no file of this name, and it is no head as SEQUENCE:CHAIN; `freshet verify --write-head FILE` records one",
        path: text
      )
    }
    let bytes = try FileSystem.read(text, limit: RecordedHead.textBytesMax)
    do {
      return try RecordedHead(text: String(decoding: bytes, as: UTF8.self))
    } catch let error as FreshetError {
      throw error.about(text)
    }
  }

  private static func write(_ report: VerificationReport, to target: String, _ session: Session) throws {
    guard report.isOK, let head = report.head else {
      session.diagnostics.warning("The head is not recorded: not everything holds.")
      return
    }
    if target == "-" {
      if !session.writesJSON { try session.output.write(head.text) }
      return
    }
    try FileSystem.replace(try FileSystem.absolutePath(target), with: Array(head.text.utf8))
    if !session.isQuiet, !session.writesJSON { try session.output.line("Head \(head.short) recorded in \(target).") }
  }

  private static func verify(_ names: [String], _ collection: Collection, _ session: Session) async throws -> ExitCode {
    var isOK = true
    for name in names {
      let report = try await collection.verify(document: name)
      isOK = isOK && report.isOK
      if session.writesJSON {
        try session.output.json(report.json)
      } else {
        for line in report.lines { try session.output.line(line.displayable) }
      }
    }
    return isOK ? .success : .failure
  }
}
