import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSearch

extension Verb {
  /// `freshet history`.
  static let history = Verb(
    "history",
    overview: "Show the versions of a document.",
    arguments: [Argument("document", .text, "A path, an origin, source:origin, a URI, or the start of its identity.")],
    options: [
      .value("limit", "n", .integer(0...Int.max), "Only the newest ones, at most so many."),
      .asOf("Show the versions that there were, of the document that had this name"),
    ],
    run: { invocation in
      let session = Session(invocation)
      let moment = try invocation.asOf()
      return try await session.reading { collection in
        let sequence = try await session.sequence(of: moment, in: collection)
        let all = try await collection.versions(
          of: invocation.argument("document") ?? "",
          asOf: sequence.map { .sequence($0) }
        )
        let versions = Array(all.suffix(invocation.integer("limit") ?? .max))
        let kept = try await collection.versionsWithContent(among: versions)
        if session.writesJSON {
          for version in versions { try session.output.json(version.json(hasContent: kept.contains(version.number))) }
          return .success
        }
        if let sequence { session.sayMoment(moment, sequence: sequence) }
        var table = TextTable([
          .right("VERSION"), .left("CHANGE"), .left("AT"), .right("SIZE"), .left("HASH"), .left("ACTOR"),
          .flexible("NOTE"),
        ])
        for version in versions {
          let note = [
            version.previousOrigin.map { "from \($0)" }, version.sameAs.map { "same as version \($0)" },
            version.reason?.sentence, kept.contains(version.number) ? nil : "hash only",
          ].compactMap { $0 }.joined(separator: ", ")
          table.add([
            "\(version.number)", version.kind.rawValue, String(version.at.description.prefix(19)),
            Quantity.text(bytes: version.size), String(version.contentHash.description.prefix(12)), version.actor, note,
          ])
        }
        try session.output.write(table.text(session))
        return .success
      }
    }
  )
}
