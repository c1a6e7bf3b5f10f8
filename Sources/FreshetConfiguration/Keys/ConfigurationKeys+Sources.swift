extension ConfigurationKeys {
  /// Sources of one configuration above which it is refused.
  static let maximumSources = 1000

  private static let defaults = SourceConfiguration()

  /// The keys of one element of `sources`, in the order of the reference.
  static let source: [SourceKey] = [
    SourceKey(
      "name",
      \.name,
      .sourceName,
      default: defaults,
      "The unique name. Without one, the folder's name is taken."
    ),
    SourceKey("path", \.path, .path, default: defaults, "The folder. Each source has either a `path` or a `site`."),
    SourceKey(
      "site",
      \.site,
      .optional(.webAddress),
      default: defaults,
      "The address where crawling starts. This version refuses it: it cannot crawl yet."
    ),
    SourceKey(
      "depth",
      \.depth,
      .integer(0...100),
      default: defaults,
      "How many links a crawl follows from the first page."
    ),
    SourceKey(
      "include",
      \.include,
      .list(of: "patterns"),
      default: defaults,
      "Patterns relative to the folder; a file must match one of them. Without any, every file is taken."
    ),
    SourceKey(
      "exclude",
      \.exclude,
      .list(of: "patterns"),
      default: defaults,
      "Patterns relative to the folder; a file must match none of them."
    ),
    SourceKey(
      "metadata",
      \.metadata,
      .metadata,
      default: defaults,
      "Metadata that each of the source's documents gets."
    ),
    SourceKey(
      "hidden",
      \.hidden,
      .boolean,
      default: defaults,
      "Whether names that start with a dot are listed."
    ),
    SourceKey(
      "symlinks",
      \.symlinks,
      .choice,
      default: defaults,
      "Whether links are followed. A link that leads out of the folder never is."
    ),
    SourceKey("recursive", \.isRecursive, .boolean, default: defaults, "Whether folders below it are listed."),
    SourceKey(
      "gitignore",
      \.gitignore,
      .boolean,
      default: defaults,
      """
      Whether `.gitignore` files are obeyed: those in it, and those above it up to the root of its git repository. \
      `.freshetignore` files in it always are.
      """
    ),
    SourceKey(
      "max_file_size",
      \.maximumFileSize,
      .optional(.size(1...100_000_000_000), absent: "`sync.max_file_size`"),
      default: defaults,
      "Files above this size are skipped and reported."
    ),
    SourceKey(
      "store_content",
      \.storeContent,
      .optional(.contentRetention, absent: "`sync.store_content`"),
      default: defaults,
      "Whether contents are kept, compressed."
    ),
    SourceKey(
      "history",
      \.history,
      .historyRules,
      default: defaults,
      """
      Which versions of its documents keep their content: a mapping with the `keep_…` keys of `history`, all of which \
      it takes the place of.
      """
    ),
  ]
}

extension ValueType where Value == String {
  /// A source's name: shown in `source:origin`, so it has no colon.
  static var sourceName: Self {
    ValueType(
      title: "text without `:`",
      read: { node in
        let text = try scalar(node, expecting: "text")
        guard SourceName.isValid(text) else {
          throw ValueProblem("must have 1 to 200 bytes, no `:` and no control characters.")
        }
        return text
      },
      write: { $0.isEmpty ? "the folder's name" : "`\($0)`" }
    )
  }
}

/// What a source may be called.
enum SourceName {
  static func isValid(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 200 && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != 0x3A }
  }
}
