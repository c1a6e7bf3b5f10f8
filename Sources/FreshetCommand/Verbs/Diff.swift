import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet diff`.
  static let diff = Verb(
    "diff",
    overview: "Show what makes one version of a document another.",
    discussion: """
      Without -f and -t, the newest version is compared with the one before it. Versions are named by number, 'first', \
      'previous' or 'latest'. The text that was indexed is compared; --raw compares the original bytes. What is written is \
      a unified diff, which `patch` applies.

      Without a document, --since tells which documents of the collection changed since a moment, with the lines that came \
      and went: a date or time (2026-03-01, in UTC), a time before now (30d), the number of a change, or the beginning of a \
      run's identity; what is named belongs to what is told.
      """,
    arguments: [
      Argument(
        "document",
        .text,
        isOptional: true,
        "A path, an origin, source:origin, a URI, or the start of its identity."
      )
    ],
    options: [
      .value("from", short: "f", "version", .text, "The old version (default: the one before the new one)."),
      .value("to", short: "t", "version", .text, default: "latest", "The new version."),
      .flag("chunks", "Show what became of each chunk instead: kept, added, removed, moved."),
      .flag("stat", "Only how many lines and chunks came and went."),
      .value("unified", short: "U", "n", .integer(0...1_000_000), default: "3", "Unchanged lines around a change."),
      .flag("raw", "The original bytes instead of the text."),
      .flag("text", short: "a", "Compare binary contents line by line too."),
      .value("since", "moment", .text, "The documents that changed since then, without a document."),
      .value("until", "moment", .text, default: "now", "The last moment of --since."),
    ],
    run: { invocation in
      let session = Session(invocation)
      if let since = invocation.value("since") { return try await showChanges(since: since, session) }
      guard let name = invocation.argument("document"), invocation.value("until") == nil else {
        throw UsageError("Name a document, or a moment with --since.", path: invocation.path)
      }
      var options = DiffOptions()
      options.subject = invocation.flag("raw") ? .original : .text
      options.context = invocation.integer("unified") ?? 3
      options.comparesBinary = invocation.flag("text")
      options.readsChunks = invocation.flag("chunks")
      let from = try session.version("from")
      let to = try session.version("to") ?? .latest
      return try await session.reading { collection in
        let diff = try await collection.diff(
          name,
          from: from,
          to: to,
          options: options
        )
        try DiffPresentation(diff: diff, session: session).show()
        return .success
      }
    }
  )

  private static func showChanges(since: String, _ session: Session) async throws -> ExitCode {
    let invocation = session.invocation
    guard invocation.argument("document") == nil, invocation.value("from") == nil, invocation.value("to") == nil else {
      throw UsageError(
        "--since compares the whole collection: leave out the document, --from and --to.",
        path: invocation.path
      )
    }
    let since = try Moment(since)
    let until = try invocation.value("until").map { try Moment($0) } ?? .now
    return try await session.reading { collection in
      let changes = try await collection.changedDocuments(since: since, until: until)
      try ChangedDocumentsPresentation(changes: changes, session: session).show()
      return .success
    }
  }
}

extension Session {
  /// The version that an option names; `nil` without it.
  ///
  /// - Throws: `UsageError` for anything that is no version.
  func version(_ option: String) throws -> VersionSelector? {
    guard let text = invocation.value(option) else { return nil }
    guard let selector = VersionSelector(text) else {
      throw UsageError(
        "--\(option) takes the number of a version, 'first', 'previous', 'latest' or 'random'.",
        path: invocation.path
      )
    }
    return selector
  }
}
