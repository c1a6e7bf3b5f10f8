import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSearch

extension Verb {
  /// `freshet show`.
  static let show = Verb(
    "show",
    overview: "Show the text of a document, or of an older version of it.",
    discussion: """
      On a terminal, control characters in the text are replaced; with --raw, and to a pipe or file, the bytes are as they \
      are.
      """,
    arguments: [Argument("document", .text, "A path, an origin, source:origin, a URI, or the start of its identity.")],
    options: [
      .value("version", "version", .text, default: "latest", "A number, 'first', 'previous', 'latest' or 'random'."),
      .flag("raw", "The original bytes instead of the text."),
      .asOf("Show the document as it was, found by the name that it had"),
    ],
    run: { invocation in
      let session = Session(invocation)
      let moment = try invocation.asOf()
      return try await session.reading { collection in
        let sequence = try await session.sequence(of: moment, in: collection)
        let document = try await collection.document(
          invocation.argument("document") ?? "",
          asOf: sequence.map { .sequence($0) }
        )
        let version = try await collection.number(of: session.version("version") ?? .latest, in: document)
        let bytes =
          try await invocation.flag("raw")
          ? collection.content(of: document, version: version) : collection.text(of: document, version: version)
        if session.writesJSON {
          let answer: JSONValue = [
            "document": .string(document.id.description), "origin": .string(document.origin),
            "version": .integer(Int64(version)), "text": .string(String(decoding: bytes, as: UTF8.self)),
          ]
          try session.output.json(answer.adding(sequence: sequence))
        } else if session.output.isTerminal, !invocation.flag("raw") {
          try session.output.write(String(decoding: bytes, as: UTF8.self).displayableLines)
        } else {
          try session.output.write(bytes: bytes)
        }
        return .success
      }
    }
  )
}
