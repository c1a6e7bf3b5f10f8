import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet migrate`.
  static let migrate = Verb(
    "migrate",
    overview: "Bring an older collection's database to this version's form.",
    run: { invocation in
      let session = Session(invocation)
      return try await session.writing { collection in
        let head = try await collection.status().head
        if session.writesJSON {
          try session.output.json(["ok": true, "sequence": .integer(head.sequence)])
        } else if !session.isQuiet {
          try session.output.line("The collection is in this version's form.")
        }
        return .success
      }
    }
  )
}
