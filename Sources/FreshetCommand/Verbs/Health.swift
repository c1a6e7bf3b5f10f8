import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet health`.
  static let health = Verb(
    "health",
    overview: "Check that the collection can do its work: database, disk, index, embedder.",
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let checks = await collection.health()
        let isOK = checks.allSatisfy(\.isOK)
        if session.writesJSON {
          try session.output.json([
            "ok": .boolean(isOK),
            "checks": .array(
              checks.map { ["name": .string($0.name), "ok": .boolean($0.isOK), "message": .string($0.message)] }
            ),
          ])
        } else {
          for check in checks {
            try session.output.line("\(check.isOK ? "ok  " : "BAD ") \(check.name): \(check.message)".displayable)
          }
        }
        return isOK ? .success : .failure
      }
    }
  )
}
