import FreshetModel

/// What a collection is made of and how: the content of a `freshet.yaml`, complete with defaults, paths absolute.
///
/// Every key's name, range, default and meaning stand in `ConfigurationKeys`; `docs/configuration.md` is made from it.
public struct Configuration: Hashable, Sendable {
  /// The file that it was read from, absolute; `nil` when there is none.
  public var file: String?
  /// The folder that relative paths start from: the file's, or the synced one.
  public var folder: String
  /// The collection: an absolute folder, or a `postgresql://` address.
  public var collection = ".freshet"
  /// Where documents come from; their names are unique, and no two have one root.
  public var sources: [SourceConfiguration] = []
  /// Who turns texts into vectors.
  public var embedder = EmbedderConfiguration()
  /// How renditions are cut.
  public var chunk = ChunkConfiguration()
  /// How vectors are searched.
  public var index = IndexConfiguration()
  /// Documents of one commit.
  public var checkpointDocuments = 50
  /// How a sync runs.
  public var sync = SyncConfiguration()
  /// Which versions keep their content.
  public var history = HistoryConfiguration()
  /// When events are handed over.
  public var events = EventConfiguration()
  /// Who gets events by HTTP; their names are unique.
  public var webhooks: [WebhookConfiguration] = []
  /// Who gets events by mail.
  public var mail = MailConfiguration()
  /// How a live service sees changes.
  public var watch = WatchConfiguration()
  /// What becomes of documents that fail.
  public var failures = FailureConfiguration()
  /// When somebody is told that documents fail.
  public var alerts = AlertConfiguration()
  /// How much memory a live service may take.
  public var memory = MemoryConfiguration()
  /// The time between two reports of a live service in its log; zero for none.
  public var statisticsInterval = Duration.seconds(3600)
  /// Where figures for Prometheus are written.
  public var metrics = MetricsConfiguration()
  /// What is logged and where.
  public var log = LogConfiguration()
  /// Where JSON documents have their fields.
  public var json = JSONFieldConfiguration()
  /// Formats of files by a pattern of their name, before the usual detection: `*.inc` → `html`; sorted by pattern, the
  /// longest that matches counts.
  public var parsers: [ParserOverride] = []
  /// What of the file's content needs `freshet trust`; empty when nothing does.
  public var trustRequirements: [TrustRequirement] = []

  /// Starts with the defaults; the collection's path is still relative to the folder.
  public init(file: String? = nil, folder: String) {
    self.file = file
    self.folder = folder
  }

  /// Whether the collection is a PostgreSQL database.
  public var isPostgreSQL: Bool {
    collection.hasPrefix("postgresql://") || collection.hasPrefix("postgres://")
  }

  /// Bytes of a file above which this source skips it.
  public func maximumFileSize(of source: SourceConfiguration) -> Int64 {
    source.maximumFileSize ?? sync.maximumFileSize
  }

  /// Which contents of this source are kept for the history.
  public func contentRetention(of source: SourceConfiguration) -> ContentRetention {
    source.storeContent ?? sync.storeContent
  }

  /// The rules for the versions of this source's documents.
  public func historyRules(of source: SourceConfiguration) -> HistoryRules {
    source.history ?? history.rules
  }
}

/// A source of a configuration: a folder, or (once crawling exists) a site.
public struct SourceConfiguration: Hashable, Sendable {
  /// What is done with symbolic links.
  public enum Symlinks: String, Sendable, CaseIterable {
    /// Links are skipped.
    case skip
    /// Links to files and folders within the root are followed, each folder once.
    case follow
  }

  /// The unique name; the folder's when the file names none.
  public var name = ""
  /// The folder, absolute; empty for a site.
  public var path = ""
  /// The address of a site.
  public var site: String?
  /// Links followed from a site's first page.
  public var depth = 3
  /// Patterns of which an item must match one; empty includes everything.
  public var include: [String] = []
  /// Patterns of which an item must match none.
  public var exclude: [String] = []
  /// Metadata of each of its documents.
  public var metadata: Metadata = [:]
  /// Whether names that start with a dot are listed.
  public var hidden = false
  /// What is done with symbolic links.
  public var symlinks = Symlinks.skip
  /// Whether folders below the root are listed.
  public var isRecursive = true
  /// Whether `.gitignore` files are obeyed (`.freshetignore` always is).
  public var gitignore = true
  /// Bytes above which a file is skipped; `nil` takes `sync.max_file_size`.
  public var maximumFileSize: Int64?
  /// Which contents are kept; `nil` takes `sync.store_content`.
  public var storeContent: ContentRetention?
  /// The rules for the versions of its documents; `nil` takes those of `history`.
  public var history: HistoryRules?
  /// Folders below the root that this source does not list, relative to it: roots of other sources, the collection, as
  /// `Configuration.separateSources` finds them.
  public var excludedFolders: [String] = []

  /// Starts with the defaults.
  public init() {}
}

/// Which contents are kept, compressed, for the history.
public enum ContentRetention: Hashable, Sendable {
  /// Every content.
  case all
  /// None: versions have a hash and no text.
  case none
  /// Contents of at most that many bytes.
  case upTo(bytes: Int64)

  /// Whether a content of that size is kept.
  public func keeps(bytes: Int64) -> Bool {
    switch self {
    case .all: true
    case .none: false
    case .upTo(let limit): bytes <= limit
    }
  }
}

/// Who turns texts into vectors.
public struct EmbedderConfiguration: Hashable, Sendable {
  /// The kinds of embedder.
  public enum Provider: String, Sendable, CaseIterable {
    case onnx
    case http
    case hash
    case none
  }

  /// The precision of a local model's weights.
  public enum Precision: String, Sendable, CaseIterable {
    case f32
    case int8
  }

  /// Who embeds.
  public var provider = Provider.onnx
  /// The model's name, or a folder that holds one.
  public var model = "all-minilm-l6-v2"
  /// Texts that are handed over, cached and counted at once.
  public var batch = 32
  /// The base address of an OpenAI-compatible server.
  public var url: String?
  /// The expected components of a vector; `nil` takes the model's.
  public var dimension: Int?
  /// The revision of a server's model, part of its fingerprint.
  public var revision = ""
  /// The environment variable that holds the server's key.
  public var apiKeyVariable: String?
  /// The longest that one request may take.
  public var timeout = Duration.seconds(60)
  /// Requests a minute that the server is sent at most; 0 for no limit.
  public var requestsPerMinute = 0
  /// Local workers, or requests in flight; 0 takes the cores, or 4 requests.
  public var workers = 0
  /// The precision of a local model.
  public var precision = Precision.f32
  /// Text put before each query.
  public var queryPrefix = ""
  /// Text put before each passage.
  public var documentPrefix = ""

  /// Starts with the defaults.
  public init() {}
}

/// How renditions are cut.
public struct ChunkConfiguration: Hashable, Sendable {
  /// What sizes count.
  public enum Unit: String, Sendable, CaseIterable {
    case tokens
    case characters
  }

  /// The least `soft`: room for a heading path, a table's header and a word.
  public static let smallestSoft = 64
  /// The greatest `hard`.
  public static let greatestHard = 1 << 20

  /// The size above which text is cut.
  public var soft = 190
  /// The size below which a piece is joined to a neighbour.
  public var minimum = 60
  /// The size that no piece exceeds.
  public var hard = 256
  /// What the sizes count.
  public var unit = Unit.tokens
  /// How much of its neighbours a chunk repeats.
  public var overlap = 0

  /// Starts with the defaults.
  public init() {}
}

/// How vectors are searched.
public struct IndexConfiguration: Hashable, Sendable {
  /// The kinds of index.
  public enum Backend: String, Sendable, CaseIterable {
    case auto
    case exact
    case hnsw
    case faiss
  }

  /// The kind of index.
  public var backend = Backend.auto
  /// The share of changed vectors from which the index is built anew.
  public var rebuildThreshold = 0.2
  /// Vectors up to which `auto` is exact.
  public var exactLimit = 200_000

  /// Starts with the defaults.
  public init() {}
}

/// How a sync runs.
public struct SyncConfiguration: Hashable, Sendable {
  /// What happens to changed documents while nobody embeds.
  public enum EmbedderDown: String, Sendable, CaseIterable {
    case keepOld = "keep_old"
    case keywordFirst = "keyword_first"
  }

  /// Documents parsed at the same time; 0 takes the cores.
  public var workers = 0
  /// The share of a source's documents above which deletions are held back.
  public var maximumDeleteRatio = 0.3
  /// Bytes above which a file is skipped.
  public var maximumFileSize: Int64 = 100_000_000
  /// Which contents are kept.
  public var storeContent = ContentRetention.all
  /// What happens to changed documents while nobody embeds.
  public var onEmbedderDown = EmbedderDown.keepOld

  /// Starts with the defaults.
  public init() {}
}

/// What is logged and where.
public struct LogConfiguration: Hashable, Sendable {
  /// How much is logged.
  public enum Level: String, Sendable, CaseIterable {
    case error
    case warning
    case info
    case debug
  }

  /// How a line is written.
  public enum Format: String, Sendable, CaseIterable {
    case text
    case json
  }

  /// How much is logged.
  public var level = Level.warning
  /// How a line is written.
  public var format = Format.text
  /// The file that lines are appended to, absolute; `nil` for stderr.
  public var file: String?
  /// Bytes of a log file from which a new one is begun; 0 lets it grow.
  public var maximumSize: Int64 = 10_000_000
  /// Older log files that are kept.
  public var keep = 5

  /// Starts with the defaults.
  public init() {}
}

/// Where JSON documents have their fields: paths of names joined by dots, of which the first that is there counts.
public struct JSONFieldConfiguration: Hashable, Sendable {
  /// The text.
  public var text = ["content", "text"]
  /// The title.
  public var title = ["title"]
  /// The field that names a document of a file with many.
  public var id = ["id", "_id", "key", "slug", "url"]
  /// The list of documents within an object; empty when the file itself is the list or the document.
  public var records = ""

  /// Starts with the defaults.
  public init() {}
}

/// A format chosen by a pattern of the file's name.
public struct ParserOverride: Hashable, Sendable {
  /// The format of files that are skipped.
  public static let skipped = "none"

  /// A shell pattern of the file's name: `*.inc`.
  public var pattern: String
  /// The format's name, or `none` to skip such files.
  public var format: String

  /// Pairs a pattern with a format.
  public init(pattern: String, format: String) {
    self.pattern = pattern
    self.format = format
  }
}
