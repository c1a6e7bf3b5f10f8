import FreshetModel
import Testing

@testable import FreshetConfiguration

@Suite struct DifferenceTests: ConfigurationSuite {
  /// Values of which each key takes some.
  private static let candidates: [YAMLNode.Content] = {
    let texts = [
      "7", "70", "0.7", "7 MB", "7s", "7m", "2d", "false", "true", "other", "OTHER", "none", "json", "polling", "http",
      "int8", "characters", "hnsw", "keyword_first", "after_sync", "error", "created", "slack", "follow",
      "https://example.com/other", "smtp://example.com", "a@example.com",
    ]
    let start = TextLocation(line: 1, column: 1)
    let scalars = texts.map { YAMLNode.Content.scalar($0, isPlain: true) }
    let lists = scalars.map { YAMLNode.Content.sequence([YAMLNode(content: $0, location: start)]) }
    let mappings = [("*.inc", "html"), ("keep_last", "7")].map { key, value in
      YAMLNode.Content.mapping([
        YAMLNode.Entry(
          key: key,
          location: start,
          value: YAMLNode(content: .scalar(value, isPlain: true), location: start)
        )
      ])
    }
    return scalars + lists + mappings
  }()

  /// A root in which the key has another value than it has in `root`.
  private func changed<Root: Equatable>(_ root: Root, _ key: ConfigurationKey<Root>) throws -> Root {
    for content in Self.candidates {
      var other = root
      try? key.apply(&other, YAMLNode(content: content, location: TextLocation(line: 1, column: 1)))
      if other != root { return other }
    }
    Issue.record("no value is known that \(key.name) takes")
    return root
  }

  @Test func everyKeyIsNamedThatDiffers() throws {
    var configuration = Configuration(file: "/project/freshet.yaml", folder: "/project")
    configuration.sources = [SourceConfiguration(), SourceConfiguration()]
    configuration.sources[0].path = "/project/a"
    configuration.sources[1].path = "/project/b"
    configuration.webhooks = [WebhookConfiguration()]
    for key in ConfigurationKeys.all {
      let expected = key.section == "log" ? [] : [key.name]
      #expect(try changed(configuration, key).differences(from: configuration) == expected)
    }
    for key in ConfigurationKeys.source {
      var other = configuration
      other.sources[1] = try changed(other.sources[1], key)
      let expected = key.name == "name" ? "sources" : "sources[2].\(key.name)"
      #expect(other.differences(from: configuration) == [expected])
    }
    for key in ConfigurationKeys.webhook {
      var other = configuration
      other.webhooks[0] = try changed(other.webhooks[0], key)
      #expect(other.differences(from: configuration) == [key.name == "name" ? "webhooks" : "webhooks[1].\(key.name)"])
    }
    var fewer = configuration
    fewer.sources.removeLast()
    #expect(fewer.differences(from: configuration) == ["sources"])
  }

  @Test(arguments: [
    ("watch: { poll_interval: 9s }", ["watch.poll_interval"]), ("alerts: { window: 1h }", ["alerts.window"]),
    ("memory: { limit: 2 GB }\nstats: { interval: 10m }", ["memory.limit", "stats.interval"]),
    ("failures: { folder: failed }\nmetrics: { interval: 1m }", ["failures.folder", "metrics.interval"]),
    ("sources: [{ path: docs, exclude: ['a/**'] }]", ["sources[1].exclude"]), ("log: { level: debug }", []),
    ("chunk: { soft: 100 }", ["chunk.soft", "chunk.min"]),
  ])
  func whatAFileSaysOtherwiseIsNamedByItsKeys(_ text: String, _ keys: [String]) throws {
    let present = try read(text.contains("sources") ? "sources: [{ path: docs }]" : "")
    #expect(try read(text).differences(from: present) == keys)
  }

  @Test func anotherFileIsNamed() throws {
    let (left, right) = (
      Configuration(file: "/project/a.yaml", folder: "/project"),
      Configuration(file: "/project/b.yaml", folder: "/project")
    )
    #expect(left.differences(from: right) == ["the file"])
    #expect(left.differences(from: left) == [])
  }
}
