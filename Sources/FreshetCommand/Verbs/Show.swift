import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSearch

extension Verb {
  /// `freshet show`.
  static let show = Verb(
    "show",
    overview: "Show the text of a document, or of an older version of it.",
    arguments: [Argument("document", .text, "A path, an origin, source:origin, a URI, or the start of its identity.")],
    options: [
      .value("version", "version", .text, default: "latest", "A number, 'first', 'previous', 'latest' or 'random'."),
      .flag("raw", "The original bytes instead of the text."),
    ],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let document = try await collection.document(invocation.argument("document") ?? "")
        let version = try await collection.number(of: session.version("version") ?? .latest, in: document)
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
    }
  )
}
