import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSearch

extension Verb {
  /// `freshet list`.
  static let list = Verb(
    "list",
    overview: "List the documents of the collection.",
    discussion: "Filters are those of `freshet search`: docs/filters.md.",
    options: [
      .value("source", "name", .text, "Only this source."),
      .value("type", "format", .text, "Only this format: markdown, html, json, …"),
      .value("state", "state", .choice(["live", "deleted", "all"]), default: "live", "Only documents in this state."),
      .value("filter", "condition", .text, "Only documents that match: 'team = ops and modified > 2026-01-01'."),
      .value(
        "order-by",
        "field",
        .choice(DocumentQuery.Order.allCases.map(\.rawValue)),
        default: "origin",
        "The order."
      ),
      .flag("descending", "Reverse the order."),
      .value("limit", "n", .integer(0...Int.max), "At most so many."),
      .value("offset", "n", .integer(0...Int.max), default: "0", "Leave out the first ones."),
      .asOf("List the documents as they were"),
    ],
    run: { invocation in
      let session = Session(invocation)
      let query = try query(invocation)
      let moment = try invocation.asOf()
      return try await session.reading { collection in
        // Resolved once, so that everything below is of one state.
        let sequence = try await session.sequence(of: moment, in: collection)
        let asOf = sequence.map { Moment.sequence($0) }
        try await session.requireSources(query.source.map { [$0] } ?? [], in: collection, asOf: asOf)
        if let filter = query.filter {
          for warning in try await collection.warnings(about: filter, asOf: asOf) {
            session.diagnostics.warning(warning.displayable)
          }
        }
        let documents = try await collection.documents(query, asOf: asOf)
        if session.writesJSON {
          for document in documents {
            try session.output.json(document.json(uri: collection.uri(of: document)).adding(sequence: sequence))
          }
          return .success
        }
        if let sequence { session.sayMoment(moment, sequence: sequence) }
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
        if documents.isEmpty, !session.isQuiet { session.diagnostics.line("No documents.") }
        if !documents.isEmpty { try session.output.write(table.text(session)) }
        return .success
      }
    }
  )

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
}
