// The code of the articles in Sources/Freshet/Freshet.docc. A test compares each part between `// snippet` and `// end`
// with the article's text, and runs this program in a folder that has what the articles speak of.
import Freshet

@main struct ArticleExamples {
  static func main() async throws {
    switch CommandLine.arguments.last {
    case "Freshet": try await overview()
    case "Tracking": try await tracking()
    case "History": try await history()
    case "Events": try await events()
    case "Auditing": try await auditing()
    case "YourOwnSink": try await yourOwnSink()
    case "ScheduledJob": try await scheduledJob()
    case "SeveralSources": try await severalSources()
    default: throw FreshetError(.invalidArgument, "name an article")
    }
  }

  /// The collection that most articles speak of: `docs` with two versions of `keys.md`, without vectors.
  static func withHistory(_ body: (Collection) async throws -> Void) async throws {
    try await withCollection(try configuration()) { collection in
      try await collection.sync()
      try write("# Keys\n\nRotate the signing key once a month.\n", to: "docs/keys.md")
      try await collection.sync()
      try await body(collection)
    }
  }

  static func configuration() throws -> Configuration {
    var configuration = Configuration(folder: ".")
    configuration.collection = "docs.freshet"
    configuration.sources = [try .folder("docs")]
    configuration.embedder.provider = .none
    return configuration
  }
}
