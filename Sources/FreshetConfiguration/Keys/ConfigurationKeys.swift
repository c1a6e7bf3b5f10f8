import FreshetModel

/// The one table of keys: parsing, checks, overrides, suggestions and the reference page all come from it.
enum ConfigurationKeys {
  typealias Key = ConfigurationKey<Configuration>
  typealias SourceKey = ConfigurationKey<SourceConfiguration>

  private static let defaults = Configuration(folder: "/")

  /// Every key but `sources`, `webhooks` and what stands in them, in the order of the reference.
  static let all: [Key] =
    top + embedder + chunk + index + checkpoint + sync + history + events + mail + live + log + json

  /// What a section is for, in the order of the reference.
  static let sections: [(name: String, summary: String)] =
    stageSections + liveSections + [
      ("log", "What is logged and where."),
      ("json", "Where JSON documents have their fields: names joined by dots, the first that is there counts."),
    ]

  private static let stageSections: [(name: String, summary: String)] = [
    ("embedder", "Who turns texts into vectors."),
    ("chunk", "How documents are cut into passages."),
    ("index", "How vectors are searched."),
    ("checkpoint", "How often a sync commits."),
    ("sync", "How a sync runs, and what it refuses."),
    (
      "history",
      """
      Which versions keep their content when garbage is collected (`freshet gc`). Rules add up: a version is kept if any \
      of them keeps it, and without a rule all are. The current version of a document is always kept, and of every \
      version the row with its hash. See [retention](retention.md).
      """
    ),
    ("events", "When events are handed over."),
    ("mail", "Who gets events by mail: one message for what a run brought. See [events](events.md)."),
  ]

  static let top: [Key] = [
    Key(
      "collection",
      \.collection,
      .path,
      default: defaults,
      "The folder that holds the collection, or a `postgresql://` address."
    ),
    Key(
      "parsers",
      \.parsers,
      .parserOverrides,
      default: defaults,
      """
      The format of files by a pattern of their name, before the usual detection: `{ "*.inc": html }`. The \
      longest pattern that matches counts; the format `none` skips such files.
      """
    ),
  ]

  static let embedder: [Key] = [
    Key(
      "embedder.provider",
      \.embedder.provider,
      .choice,
      default: defaults,
      """
      `onnx` runs a model on this machine; `http` asks an OpenAI-compatible server; `hash` makes meaningless but \
      repeatable vectors, for tests; `none` keeps versions and keyword search only.
      """
    ),
    Key(
      "embedder.model",
      \.embedder.model,
      .text(),
      default: defaults,
      "The model's name, or a folder that holds one (a text with a `/`). `freshet model pull` fetches models."
    ),
    Key(
      "embedder.batch",
      \.embedder.batch,
      .integer(1...256, unit: "texts"),
      default: defaults,
      "How many texts are handed over, cached and counted at once. A crash repeats at most the batch that each worker had in hand."
    ),
    Key(
      "embedder.url",
      \.embedder.url,
      .optional(.webAddress),
      default: defaults,
      """
      The server's base address, such as `https://api.openai.com/v1`; `/embeddings` is added to it. Needed by `http`.
      """
    ),
    Key(
      "embedder.dimension",
      \.embedder.dimension,
      .optional(.integer(1...ModelDescription.dimensionMax), absent: "the model's"),
      default: defaults,
      "How many components a vector has. With `http` it is asked for and checked; with `hash` it is 384 by default."
    ),
    Key(
      "embedder.revision",
      \.embedder.revision,
      .text(maximumLength: 200),
      default: defaults,
      "The revision of a server's model. Change it when the server's model changes: every text is then embedded anew."
    ),
    Key(
      "embedder.api_key_env",
      \.embedder.apiKeyVariable,
      .optional(.variableName),
      default: defaults,
      "The environment variable that holds the server's key. Keys themselves never stand in the file."
    ),
    Key(
      "embedder.timeout",
      \.embedder.timeout,
      .duration(.seconds(1) ... .seconds(3600)),
      default: defaults,
      "The longest that one request to a server may take."
    ),
    Key(
      "embedder.requests_per_minute",
      \.embedder.requestsPerMinute,
      .integer(0...1_000_000),
      default: defaults,
      "How many requests a minute a server is sent at most; 0 sets no limit."
    ),
    Key(
      "embedder.workers",
      \.embedder.workers,
      .integer(0...256),
      default: defaults,
      "Local workers, or requests in flight; 0 means one for each core, or 4 requests."
    ),
    Key(
      "embedder.precision",
      \.embedder.precision,
      .choice,
      default: defaults,
      "The precision of a local model: `int8` is faster, `f32` exact."
    ),
    Key(
      "embedder.query_prefix",
      \.embedder.queryPrefix,
      .text(),
      default: defaults,
      "Text put before each query, for models that were trained with one (`query: `)."
    ),
    Key(
      "embedder.document_prefix",
      \.embedder.documentPrefix,
      .text(),
      default: defaults,
      "Text put before each passage, for models that were trained with one (`passage: `)."
    ),
  ]

  static let chunk: [Key] = [
    Key(
      "chunk.soft",
      \.chunk.soft,
      .integer(ChunkConfiguration.smallestSoft...ChunkConfiguration.greatestHard),
      default: defaults,
      "The size above which text is cut; at most `hard`. Without it, 190, or three quarters of a smaller `hard`."
    ),
    Key(
      "chunk.min",
      \.chunk.minimum,
      .integer(0...ChunkConfiguration.greatestHard / 2),
      default: defaults,
      """
      The size below which a piece joins a neighbour; at most half of `soft`. Without it, 60, or half of a smaller `soft`.
      """
    ),
    Key(
      "chunk.hard",
      \.chunk.hard,
      .integer(ChunkConfiguration.smallestSoft...ChunkConfiguration.greatestHard),
      default: defaults,
      "The size that no piece exceeds; at least `soft`. Without it, 256, or a third more than a larger `soft`."
    ),
    Key(
      "chunk.unit",
      \.chunk.unit,
      .choice,
      default: defaults,
      "What sizes count. Tokens are estimated, the same for every model."
    ),
    Key(
      "chunk.overlap",
      \.chunk.overlap,
      .integer(0...ChunkConfiguration.greatestHard / 2),
      default: defaults,
      "How much of its neighbours a passage repeats; at most half of `soft`."
    ),
  ]

  static let index: [Key] = [
    Key(
      "index.backend",
      \.index.backend,
      .choice,
      default: defaults,
      "`auto` is `exact` up to `index.exact_limit` vectors and `hnsw` above."
    ),
    Key(
      "index.rebuild_threshold",
      \.index.rebuildThreshold,
      .number(0.01...10),
      default: defaults,
      "The share of vectors added and removed since the last build from which the index is built anew."
    ),
    Key(
      "index.exact_limit",
      \.index.exactLimit,
      .integer(0...10_000_000, unit: "vectors"),
      default: defaults,
      "How many vectors `auto` searches exactly."
    ),
  ]

  static let checkpoint: [Key] = [
    Key(
      "checkpoint.documents",
      \.checkpointDocuments,
      .integer(1...10_000),
      default: defaults,
      "Documents after which a sync commits; it also does after 8 MiB or 2 s."
    )
  ]

  static let sync: [Key] = [
    Key(
      "sync.workers",
      \.sync.workers,
      .integer(0...256),
      default: defaults,
      "Documents that are parsed at the same time; 0 means one for each core."
    ),
    Key(
      "sync.max_delete_ratio",
      \.sync.maximumDeleteRatio,
      .number(0...1),
      default: defaults,
      """
      The share of a source's documents (and more than 20) above which deletions wait for `--allow-mass-delete`. Calls \
      that name paths count with the deletions of the last 10 minutes.
      """
    ),
    Key(
      "sync.max_file_size",
      \.sync.maximumFileSize,
      .size(1...100_000_000_000),
      default: defaults,
      "Files above this size are skipped and reported."
    ),
    Key(
      "sync.store_content",
      \.sync.storeContent,
      .contentRetention,
      default: defaults,
      "Whether contents are kept, compressed, so that old versions can be shown and restored."
    ),
    Key(
      "sync.on_embedder_down",
      \.sync.onEmbedderDown,
      .choice,
      default: defaults,
      """
      While nobody embeds: `keep_old` serves a changed document's last good state; `keyword_first` makes its new text \
      searchable by keyword at once.
      """
    ),
  ]

  static let log: [Key] = [
    Key("log.level", \.log.level, .choice, default: defaults, "How much is logged."),
    Key("log.format", \.log.format, .choice, default: defaults, "Lines for people, or a JSON object a line."),
    Key(
      "log.file",
      \.log.file,
      .optional(.path, absent: "stderr"),
      default: defaults,
      "The file that lines are appended to."
    ),
    Key(
      "log.max_size",
      \.log.maximumSize,
      .size(0...100_000_000_000),
      default: defaults,
      """
      The size of a log file from which a new one is begun: `freshet.log` then is called `freshet.log.1`, and that \
      `freshet.log.2`. 0 lets it grow.
      """
    ),
    Key("log.keep", \.log.keep, .integer(0...1000, unit: "files"), default: defaults, "How many older ones are kept."),
  ]

  static let json: [Key] = [
    Key("json.text", \.json.text, .list(of: "field paths"), default: defaults, "The document's text."),
    Key("json.title", \.json.title, .list(of: "field paths"), default: defaults, "The document's title."),
    Key(
      "json.id",
      \.json.id,
      .list(of: "field paths"),
      default: defaults,
      "What names a document of a file with many; without it, the hash of its content does."
    ),
    Key(
      "json.records",
      \.json.records,
      .text(title: "field path"),
      default: defaults,
      "The list of documents within an object; empty when the file itself is the list, or the document."
    ),
  ]
}
