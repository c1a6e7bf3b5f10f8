import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetService
import FreshetSync

extension Verb {
  /// `freshet status`.
  static let status = Verb(
    "status",
    overview: "Show what the collection holds and how it is, and what its service does.",
    discussion: "A configuration that cannot be used is warned of, and the collection shown that was synced with it.",
    run: { invocation in
      let session = Session(invocation)
      return try await session.readingDespiteFault { collection, fault in
        let status = try await collection.status()
        var service: JSONValue?
        do {
          service = try await ControlClient(folder: collection.folder).ask(.status, within: .seconds(5))
        } catch let error as FreshetError where error.code == .inputOutput {
          // The rest is in the collection, and may show why.
          session.diagnostics.warning(error.message)
        }
        if session.writesJSON {
          try session.output.json(status.json(service: service, fault: fault))
        } else {
          try session.output.write(status.text(service: service, fault: fault))
        }
        return .success
      }
    }
  )
}
