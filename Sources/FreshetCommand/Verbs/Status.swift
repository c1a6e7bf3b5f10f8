import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet status`.
  static let status = Verb(
    "status",
    overview: "Show what the collection holds and how it is.",
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let status = try await collection.status()
        if session.writesJSON {
          try session.output.json(status.json)
        } else {
          try session.output.write(status.text)
        }
        return .success
      }
    }
  )
}
