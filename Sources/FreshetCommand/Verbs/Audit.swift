import Freshet
import FreshetCommandLine
import FreshetModel

extension Verb {
  /// `freshet audit`.
  static let audit = Verb(
    "audit",
    overview: "Report who changed what, when and why.",
    discussion:
      "Periods are days (2026-03-01), times, spans before now (30d), sequence numbers or runs: docs/audit.md.",
    options: [
      .value("since", "moment", .text, "Only what followed this moment: 30d, 2026-03-01, a sequence number, a run."),
      .value("until", "moment", .text, "Only what had been made by this moment."),
      .value("source", "name", .text, "Only documents of this source."),
      .value(
        "document",
        "document",
        .text,
        "Only this document: a path, an origin, source:origin, a URI, an identity."
      ),
      .value(
        "format",
        "format",
        .choice(["text", "json", "markdown", "csv"]),
        "Lines for people, JSON lines, Markdown, or CSV with a row for each change (default: text)."
      ),
      .value("output", short: "o", "file", .file, "The file; the report goes to stdout without it."),
    ],
    run: { invocation in
      let session = Session(invocation)
      let format = invocation.value("format") ?? (session.writesJSON ? "json" : "text")
      if session.writesJSON, format != "json" {
        throw UsageError("--json and --format \(format) ask for two formats.", path: invocation.path)
      }
      let since = try invocation.value("since").map { try Moment($0) }
      let until = try invocation.value("until").map { try Moment($0) }
      return try await session.reading { collection in
        let report = collection.audit(
          since: since,
          until: until,
          source: invocation.value("source"),
          document: invocation.value("document")
        )
        let names = try await collection.sourceNames()
        try await ExportFile.write(to: invocation.value("output"), session.output) { output in
          var writer: any AuditWriter =
            switch format {
            case "json": AuditLines(output: output)
            case "markdown": AuditMarkdown(output: output)
            case "csv": AuditTable(output: output)
            default: AuditText(output: output)
            }
          for try await part in report {
            if case .header(let header) = part { try requireKnown(header, among: names) }
            // A table has no place for what the report as a whole says.
            if case .header(let header) = part, format == "csv", !session.isQuiet {
              for line in header.lines { session.diagnostics.line(line) }
            }
            try writer.write(part)
          }
          try writer.finish()
        }
        return .success
      }
    }
  )

  /// A source that neither is there nor has any change is a slip.
  private static func requireKnown(_ header: AuditHeader, among names: [String]) throws {
    guard let source = header.selection.source, header.totals.changes == 0, !names.contains(source) else { return }
    let said = names.isEmpty ? "there is none" : "the sources are " + names.joined(separator: ", ")
    throw FreshetError(.notFound, "the collection has no source of this name; \(said)", path: source)
  }
}
