import FreshetModel

extension ConfigurationKeys {
  private static let defaults = Configuration(folder: "/")

  /// What the sections of the live service are for, in the order of the reference.
  static let liveSections: [(name: String, summary: String)] = [
    ("watch", "How `freshet watch` and `freshet start` see changes. See [live](live.md)."),
    ("failures", "What becomes of documents that fail."),
    ("alerts", "When somebody is told that documents fail: in the log, and by the webhooks and mail that want alerts."),
    ("memory", "How much memory a service may take."),
    ("stats", "How often a service reports in its log what it did."),
    ("metrics", "Figures of a service for Prometheus, as a file for the node exporter's textfile collector."),
  ]

  static let live: [Key] = watch + failures + alerts + memory + stats + metrics

  private static let watch: [Key] = [
    Key(
      "watch.method",
      \.watch.method,
      .choice,
      default: defaults,
      """
      `auto` relies on the system's events where it can, and polls network folders and what lies beyond the system's \
      limits; `events` relies on them everywhere; `polling` does without them.
      """
    ),
    Key(
      "watch.poll_interval",
      \.watch.pollInterval,
      .duration(.milliseconds(100) ... .seconds(86_400)),
      default: defaults,
      "How often polled folders are looked through; seldomer when that takes more than a tenth of the time."
    ),
    Key(
      "watch.survey_interval",
      \.watch.surveyInterval,
      .duration(.seconds(10) ... .seconds(30 * 86_400)),
      default: defaults,
      "How often every source is listed as a whole, whatever was seen of it."
    ),
  ]

  private static let failures: [Key] = [
    Key(
      "failures.folder",
      \.failures.folder,
      .optional(.folderInSource),
      default: defaults,
      """
      A folder in each source, such as `failed`: a file whose document failed for good is moved there, with what went \
      wrong beside it. The document keeps its last good state. Moving the file back tries it again.
      """
    ),
    Key(
      "failures.attempts",
      \.failures.attempts,
      .integer(1...100),
      default: defaults,
      """
      How often a service tries a document that fails for a passing reason; after that it is left to the next listing.
      """
    ),
    Key(
      "failures.pause",
      \.failures.pause,
      .duration(.milliseconds(10) ... .seconds(3600)),
      default: defaults,
      "The pause before its second attempt; each later one is four times as long, more or less by a quarter."
    ),
  ]

  private static let alerts: [Key] = [
    Key(
      "alerts.after_failures",
      \.alerts.afterFailures,
      .integer(0...1_000_000, unit: "documents"),
      default: defaults,
      "How many documents must fail in a row; 0 for no such alert."
    ),
    Key(
      "alerts.failure_rate",
      \.alerts.failureRate,
      .number(0...1),
      default: defaults,
      "The share of the documents of the window (at least 10) that must fail; 0 for no such alert."
    ),
    Key(
      "alerts.window",
      \.alerts.window,
      .duration(.seconds(1) ... .seconds(7 * 86_400)),
      default: defaults,
      "The time that the share is of."
    ),
    Key(
      "alerts.cool_down",
      \.alerts.coolDown,
      .duration(.zero ... .seconds(30 * 86_400)),
      default: defaults,
      "The least time from one alert to the next one."
    ),
  ]

  private static let memory: [Key] = [
    Key(
      "memory.warn",
      \.memory.warn,
      .size(0...1_000_000_000_000_000),
      default: defaults,
      "The resident memory above which a service warns, once; 0 for never."
    ),
    Key(
      "memory.limit",
      \.memory.limit,
      .optional(.size(1_000_000...1_000_000_000_000_000)),
      default: defaults,
      """
      The resident memory above which a service slows down: one document at a time, small pieces, caches given up, until \
      it is a tenth below.
      """
    ),
  ]

  private static let stats: [Key] = [
    Key(
      "stats.interval",
      \.statisticsInterval,
      .duration(.zero ... .seconds(30 * 86_400)),
      default: defaults,
      "The time between two reports in the log, at level `info`; 0s for none."
    )
  ]

  private static let metrics: [Key] = [
    Key(
      "metrics.file",
      \.metrics.file,
      .optional(.path),
      default: defaults,
      "The file that is written, whole each time; its name should end in `.prom`."
    ),
    Key(
      "metrics.interval",
      \.metrics.interval,
      .duration(.seconds(1) ... .seconds(86_400)),
      default: defaults,
      "How often it is written; it also is when the service ends."
    ),
  ]
}

extension ValueType where Value == String {
  /// A folder below each source's root: without `..`, not the root itself, and not a collection's.
  static var folderInSource: Self {
    let title = "path below each source's folder"
    return ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: title)
        let parts = text.split(separator: "/")
        guard !parts.isEmpty, text.utf8.count <= 200, text.utf8.first != UInt8(ascii: "/"), !text.utf8.contains(0),
          !parts.contains(where: { $0 == ".." || $0 == "." || $0 == ".freshet" }),
          !text.utf8.contains(where: { Array("*?[]{}\\".utf8).contains($0) })
        else {
          throw ValueProblem(
            "must be a path below each source's folder, such as `failed`, without wildcards; here stands `\(text.shown)`."
          )
        }
        return parts.joined(separator: "/")
      },
      write: { "`\($0)`" }
    )
  }
}
