import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSearch

extension Verb {
  /// `freshet search`.
  static let search = Verb(
    "search",
    overview: "Search the collection.",
    discussion: """
      A filter is a condition on fields: source, origin, name, category, title, type, size, modified, and the documents' \
      own metadata. It compares with =, !=, <, <=, >, >=, ~ (a shell pattern) and 'in (a, b)', asks for a field with \
      exists(field), and joins with and, or, not. All of it with examples: docs/filters.md.
      """,
    arguments: [Argument("query", .text, isRepeated: true, "Words, \"quoted phrases\", identifiers.")],
    options: [
      .value("limit", short: "k", "n", .integer(1...SearchRequest.limitMax), default: "5", "At most so many hits."),
      .value(
        "mode",
        "mode",
        .choice(SearchMode.allCases.map(\.rawValue)),
        default: "hybrid",
        "By vectors, by words, or by both."
      ),
      .value("filter", "condition", .text, "Only documents that match: 'team = ops and modified > 2026-01-01'."),
      .value(
        "neighbours",
        "n",
        .integer(0...SearchRequest.neighboursMax),
        default: "0",
        "Chunks on each side that a hit's text is widened by."
      ),
      .value("per-document", "n", .integer(1...SearchRequest.limitMax), "At most so many hits of one document."),
      .asOf("Search the collection as it was"),
    ],
    run: { invocation in
      let session = Session(invocation)
      var request = SearchRequest(invocation.arguments("query").joined(separator: " "))
      guard request.query.contains(where: { !$0.isWhitespace }) else {
        throw UsageError("The query is empty: name a word to search for.", path: invocation.path)
      }
      request.limit = invocation.integer("limit") ?? 5
      request.mode = invocation.value("mode").flatMap(SearchMode.init) ?? .hybrid
      request.filter = try invocation.value("filter").map { try Filter($0) }
      request.neighbours = invocation.integer("neighbours") ?? 0
      request.limitPerDocument = invocation.integer("per-document")
      request.asOf = try invocation.asOf()
      let search = request
      return try await session.readingOrForwarded { collection in
        let response = try await collection.search(search)
        for warning in response.warnings { session.diagnostics.warning(warning.displayable) }
        if session.writesJSON {
          try session.output.json(response.json)
        } else {
          session.sayMoment(search.asOf, sequence: response.sequence)
          try session.output.write(SearchText(response, terminal: session.output.terminal).text)
        }
        return .success
      }
    }
  )
}
