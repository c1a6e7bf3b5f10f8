import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet restore`.
  static let restore = Verb(
    "restore",
    overview: "Write the content of a version back, byte for byte.",
    discussion: """
      The file is written to its place in the source, or with -o to another file, in one step and durably. A file that was \
      changed since the last sync, or that the collection does not know, is overwritten only with --force. A deleted \
      document returns to where it was. Afterwards the document is brought in step, which embeds nothing.
      """,
    arguments: [Argument("document", .text, "A path, an origin, source:origin, a URI, or the start of its identity.")],
    options: [
      .value("version", "version", .text, default: "latest", "A number, 'first', 'previous' or 'latest'."),
      .value(
        "output",
        short: "o",
        "file",
        .file,
        "Write to this file instead, `-` for stdout; the collection stays as it is."
      ),
      .flag("force", "Overwrite a file whose content is in no version."),
      .flag("no-sync", "Write the file only; the next sync takes it up."),
      .value("actor", "name", .text, default: "user@host", "Who makes the version."),
      .value("wait", "duration", .duration, default: "0s", "Wait so long for another writer to end."),
    ],
    run: { invocation in
      let session = Session(invocation)
      var request = RestoreRequest()
      request.version = try session.version("version") ?? .latest
      request.file = invocation.value("output")
      request.force = invocation.flag("force")
      request.syncs = !invocation.flag("no-sync")
      request.actor = invocation.value("actor")
      let name = invocation.argument("document") ?? ""
      if request.file == "-" { return try await write(name, request.version, session) }
      let restore = { @Sendable [request] (collection: Collection) in try await collection.restore(name, request) }
      let writesCollection = request.file == nil && request.syncs
      let report = try await writesCollection ? session.writing(restore) : session.reading(restore)
      if session.writesJSON {
        try session.output.json(report.json)
      } else if !session.isQuiet {
        try session.output.line(report.summary.displayable)
      }
      if report.sync != nil, !report.isCurrent {
        session.diagnostics.warning(
          "The file was written, and the sync did not take it up: a rule of its source leaves it out, or it failed "
            + "(`freshet failures`)."
        )
        return .documentsFailed
      }
      return .success
    }
  )

  /// Writes the content of a version to stdout.
  private static func write(_ name: String, _ selector: VersionSelector, _ session: Session) async throws -> ExitCode {
    guard !session.writesJSON else {
      throw UsageError(
        "--json says what was written to a file; with '-o -' stdout has the content itself",
        path: ["restore"]
      )
    }
    return try await session.reading { collection in
      let document = try await collection.document(name)
      let number = try await collection.number(of: selector, in: document)
      try session.output.write(bytes: try await collection.content(of: document, version: number))
      return .success
    }
  }
}

extension RestoreReport {
  /// The line of `restore --json`.
  var json: JSONValue {
    [
      "document": .string(document.id.description), "source": .string(document.sourceName),
      "origin": .string(document.origin), "version": .integer(Int64(version.number)),
      "hash": .string(version.contentHash.description), "size": .integer(version.size), "path": .string(path),
      "written": .boolean(isWritten), "current_version": .integer(Int64(document.version)),
      "state": .string(document.state.rawValue), "sync": sync?.json ?? .null,
    ]
  }

  /// One line for people.
  var summary: String {
    // A deletion repeats the content before it.
    let number = version.kind == .deleted ? max(1, version.number - 1) : version.number
    let done =
      isWritten
      ? "Restored version \(number) of \(document.origin) to \(path)"
      : "\(path) has the content of version \(number) already"
    guard let sync else { return done + "." }
    return done
      + "; it is version \(document.version) now, \(Quantity.text(sync.chunks.embedded, of: "text")) embedded."
  }
}
