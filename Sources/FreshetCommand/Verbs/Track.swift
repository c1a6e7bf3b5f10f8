import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet track`.
  static let track = Verb(
    "track",
    overview: "Take up files into the version history without embedding them.",
    discussion: """
      What is new is found by keywords at once, and by meaning after the next sync, which makes the vectors. --metadata is \
      kept with each document, also when it is renamed: it can be searched by filters and wins over what the document and \
      its source say. A key that is given more than once is a list; 'key=' removes what was said. Ends as `freshet sync`.
      """,
    arguments: [Argument("path", .file, isRepeated: true, "The files and folders.")],
    options: [
      .value(
        "metadata",
        short: "m",
        "key=value",
        .text,
        isRepeated: true,
        "Say this of the documents; 'key=' removes it."
      ),
      .value("actor", "name", .text, default: "user@host", "Who makes the versions."),
      .value("workers", "n", .integer(1...256), "Files read at the same time."),
      .value("wait", "duration", .duration, default: "0s", "Wait so long for another writer to end."),
    ],
    run: { invocation in
      var request = SyncRequest()
      request.leavesVectors = true
      do {
        let annotation = try AnnotationChange(assignments: invocation.values("metadata"))
        try annotation.validate()
        if !annotation.isEmpty { request.annotation = annotation }
      } catch let error as FreshetError {
        throw UsageError(error.message, path: invocation.path)
      }
      return try await SyncVerb(session: Session(invocation), preset: request).run()
    }
  )
}
