import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSearch

extension Verb {
  /// `freshet list`.
  static let list = Verb(
    "list", overview: "List the documents of the collection.",
    options: [
      .value("source", "name", .text, "Only this source."),
      .value("type", "format", .text, "Only this format: markdown, html, json, …"),
      .value("state", "state", .choice(["live", "deleted", "all"]), default: "live", "Only documents in this state."),
      .value("filter", "condition", .text, "Only documents that match: 'team = ops and modified > 2026-01-01'."),
      .value(
        "order-by", "field", .choice(DocumentQuery.Order.allCases.map(\.rawValue)), default: "origin", "The order."),
      .flag("descending", "Reverse the order."),
      .value("limit", "n", .integer(0...Int.max), "At most so many."),
      .value("offset", "n", .integer(0...Int.max), default: "0", "Leave out the first ones."),
    ],
    run: { invocation in
      let session = Session(invocation)
      let query = try query(invocation)
      return try await session.reading { collection in
        let documents = try await collection.documents(query)
        if session.writesJSON {
          for document in documents { try session.output.json(document.json(uri: collection.uri(of: document))) }
          return .success
        }
        var table = TextTable([
          .flexible("ORIGIN"), .left("SOURCE"), .left("TYPE"), .right("VERSION"), .right("SIZE"), .right("CHUNKS"),
          .left("UPDATED"),
        ])
        for document in documents {
          var type = "-"
          if case .string(let text)? = document.metadata["type"] { type = text }
          table.add([
            document.origin + (document.state == .deleted ? " (deleted)" : ""), document.sourceName, type,
            "\(document.version)", Quantity.text(bytes: document.size), "\(document.chunkCount)",
            String(document.updatedAt.description.prefix(16)),
          ])
        }
        try session.output.write(table.text(session))
        return .success
      }
    })

  private static func query(_ invocation: Invocation) throws -> DocumentQuery {
    var query = DocumentQuery()
    query.source = invocation.value("source")
    query.type = invocation.value("type")
    switch invocation.value("state") {
    case "all": query.state = nil
    case "deleted": query.state = .deleted
    default: query.state = .live
    }
    query.filter = try invocation.value("filter").map { try Filter($0) }
    query.order = invocation.value("order-by").flatMap(DocumentQuery.Order.init) ?? .origin
    query.descending = invocation.flag("descending")
    query.limit = invocation.integer("limit") ?? .max
    query.offset = invocation.integer("offset") ?? 0
    return query
  }

  /// `freshet history`.
  static let history = Verb(
    "history", overview: "Show the versions of a document.",
    arguments: [Argument("document", .text, "A path, an origin, source:origin, a URI, or the start of its identity.")],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let versions = try await collection.versions(of: invocation.argument("document") ?? "")
        if session.writesJSON {
          for version in versions { try session.output.json(version.json) }
          return .success
        }
        var table = TextTable([
          .right("VERSION"), .left("CHANGE"), .left("AT"), .right("SIZE"), .left("HASH"), .left("ACTOR"),
          .flexible("NOTE"),
        ])
        for version in versions {
          let note = [
            version.previousOrigin.map { "from \($0)" }, version.sameAs.map { "same as version \($0)" },
            version.reason?.sentence,
          ].compactMap { $0 }.joined(separator: ", ")
          table.add([
            "\(version.number)", version.kind.rawValue, String(version.at.description.prefix(19)),
            Quantity.text(bytes: version.size), String(version.contentHash.description.prefix(12)), version.actor, note,
          ])
        }
        try session.output.write(table.text(session))
        return .success
      }
    })

  /// `freshet show`.
  static let show = Verb(
    "show", overview: "Show the text of a document, or of an older version of it.",
    arguments: [Argument("document", .text, "A path, an origin, source:origin, a URI, or the start of its identity.")],
    options: [
      .value("version", "n|first|latest", .text, default: "latest", "The version."),
      .flag("raw", "The original bytes instead of the text."),
    ],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let document = try await collection.document(invocation.argument("document") ?? "")
        let version = try version(invocation, of: document)
        let bytes =
          try await invocation.flag("raw")
          ? collection.content(of: document, version: version) : collection.text(of: document, version: version)
        if session.writesJSON {
          try session.output.json([
            "document": .string(document.id.description), "origin": .string(document.origin),
            "version": .integer(Int64(version)), "text": .string(String(decoding: bytes, as: UTF8.self)),
          ])
        } else {
          try session.output.write(bytes: bytes)
        }
        return .success
      }
    })

  private static func version(_ invocation: Invocation, of document: DocumentRecord) throws -> Int {
    switch invocation.value("version") ?? "latest" {
    case "latest": return document.version
    case "first": return 1
    case let text:
      guard let number = Int(text) else {
        throw UsageError("--version takes a number, 'first' or 'latest'.", path: invocation.path)
      }
      return number
    }
  }

  /// `freshet failures`.
  static let failures = Verb(
    "failures", overview: "List the documents that failed.",
    discussion: "They are tried again when their content or the parser changes, and by `freshet sync --retry`.",
    options: [.value("source", "name", .text, "Only this source.")],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let failures = try await collection.failures(source: invocation.value("source"))
        if session.writesJSON {
          for failure in failures { try session.output.json(failure.json) }
          return .success
        }
        var table = TextTable([
          .flexible("ORIGIN"), .left("SOURCE"), .left("CODE"), .right("ATTEMPTS"), .left("LAST"), .flexible("ERROR"),
        ])
        for failure in failures {
          table.add([
            failure.origin, failure.source, failure.error.code.rawValue, "\(failure.attempts)",
            String(failure.lastAt.description.prefix(16)), failure.error.message,
          ])
        }
        if !failures.isEmpty { try session.output.write(table.text(session)) }
        return .success
      }
    })
}

extension TextTable {
  /// The table as wide as the terminal, or in full where there is none.
  func text(_ session: Session) -> String {
    let terminal = Terminal(descriptor: 1)
    return text(width: terminal.isInteractive ? terminal.width : nil, hasColour: terminal.hasColour)
  }
}
