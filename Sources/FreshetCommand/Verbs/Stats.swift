import Freshet
import FreshetCommandLine
import FreshetModel

extension Verb {
  /// `freshet stats`.
  static let stats = Verb(
    "stats",
    overview: "Sum up what syncs and the service did in a period.",
    discussion: """
      Runs that were under way in the period count as a whole; a service begins a new one at least every hour. \
      `freshet status` shows what is there now, `freshet runs` the single runs.
      """,
    options: [.value("since", "moment", .text, "Only what followed this moment: 24h, 7d, 2026-03-01.")],
    run: { invocation in
      let session = Session(invocation)
      let since = try invocation.value("since").map { try Moment($0) }
      return try await session.reading { collection in
        let statistics = try await collection.statistics(since: since)
        if session.writesJSON {
          try session.output.json(statistics.json)
        } else {
          try session.output.write(statistics.text)
        }
        return .success
      }
    }
  )
}
