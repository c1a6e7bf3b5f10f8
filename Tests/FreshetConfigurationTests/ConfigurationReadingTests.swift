import FreshetConfiguration
import FreshetModel
import Testing

@Suite struct ConfigurationReadingTests: ConfigurationSuite {
  @Test func anEmptyFileHasTheDefaults() throws {
    let configuration = try read("")
    #expect(configuration.collection == "/project/.freshet")
    #expect(configuration.embedder.provider == .onnx)
    #expect(configuration.embedder.model == "all-minilm-l6-v2")
    #expect(configuration.embedder.batch == 32)
    #expect(configuration.chunk == ChunkConfiguration())
    #expect(configuration.index.rebuildThreshold == 0.2)
    #expect(configuration.checkpointDocuments == 50)
    #expect(configuration.sync.maximumFileSize == 100_000_000)
    #expect(configuration.trustRequirements.isEmpty)
    #expect(try read("# a comment\n---\n").sources.isEmpty)
  }

  @Test(arguments: [
    ("soft: 100", 100, 50, 256), ("soft: 64", 64, 32, 256), ("soft: 600", 600, 60, 800), ("hard: 128", 96, 48, 128),
    ("hard: 64", 64, 32, 64), ("hard: 512", 190, 60, 512), ("min: 0", 190, 0, 256),
  ])
  func sizesOfChunksThatAreNotGivenFollowThoseThatAre(text: String, soft: Int, minimum: Int, hard: Int) throws {
    let chunk = try read("chunk: { \(text) }").chunk
    #expect((chunk.soft, chunk.minimum, chunk.hard) == (soft, minimum, hard))
    let variable = text.split(separator: ": ")
    let name = "FRESHET_CHUNK_" + variable[0].uppercased()
    #expect(try read("", environment: [name: String(variable[1])]).chunk == chunk)
  }

  @Test func theWholeContractIsRead() throws {
    let configuration = try read(
      """
      collection: .freshet
      sources:
        - name: docs
          path: docs
          include: ["**/*.md"]
          exclude: ["drafts/**"]
          metadata: { team: ops, level: 3, public: true, code: "007", plain: 007, tags: [a, b] }
          hidden: true
          symlinks: follow
          recursive: false
          gitignore: false
          max_file_size: 1 MiB
          store_content: 64 KiB
        - path: ./notes/../wiki/
      embedder: { provider: hash, model: m, batch: 64, dimension: 128, workers: 2, precision: int8, query_prefix: "query: " }
      chunk: { soft: 100, min: 20, hard: 120, unit: characters, overlap: 5 }
      index: { backend: hnsw, rebuild_threshold: 0.5, exact_limit: 1000 }
      checkpoint: { documents: 7 }
      sync: { workers: 3, max_delete_ratio: 0.1, max_file_size: 5 MB, store_content: false, on_embedder_down: keyword_first }
      log: { level: debug, format: json, file: log.txt }
      json: { text: [body.text], title: name, id: key, records: data.items }
      parsers: { "*.inc": html, "*.bin": none }
      """
    )
    let docs = configuration.sources[0]
    #expect(docs.path == "/project/docs")
    #expect(docs.include == ["**/*.md"])
    #expect(docs.metadata["team"] == "ops")
    #expect(docs.metadata["level"] == 3)
    #expect(docs.metadata["public"] == true)
    #expect(docs.metadata["code"] == "007")
    #expect(docs.metadata["plain"] == "007")
    #expect(docs.metadata["tags"] == ["a", "b"])
    #expect(docs.hidden && !docs.gitignore && !docs.isRecursive && docs.symlinks == .follow)
    #expect(configuration.maximumFileSize(of: docs) == 1_048_576)
    #expect(configuration.contentRetention(of: docs) == .upTo(bytes: 65_536))
    let wiki = configuration.sources[1]
    #expect(wiki.name == "wiki")
    #expect(wiki.path == "/project/wiki")
    #expect(configuration.maximumFileSize(of: wiki) == 5_000_000)
    #expect(configuration.contentRetention(of: wiki) == .none)
    #expect(configuration.embedder.dimension == 128)
    #expect(configuration.embedder.queryPrefix == "query: ")
    #expect(configuration.chunk.minimum == 20)
    #expect(configuration.index.backend == .hnsw)
    #expect(configuration.checkpointDocuments == 7)
    #expect(configuration.sync.onEmbedderDown == .keywordFirst)
    #expect(configuration.log.file == "/project/log.txt")
    #expect(configuration.json.text == ["body.text"])
    #expect(configuration.json.title == ["name"])
    #expect(configuration.parsers.map(\.pattern) == ["*.bin", "*.inc"])
  }

  @Test(arguments: [
    (
      "parsers: { \"*.inc\": htm }",
      "/project/freshet.yaml:1:21: `parsers` must name one of `text`, `rst`, `asciidoc`, `markdown`, `html`, `json`, `jsonl`, `csv`, `tsv`, `code`, `none`; here stands `htm`. Did you mean `html`?"
    ),
    (
      "embedder: { providr: hash }",
      "/project/freshet.yaml:1:13: there is no key `embedder.providr`. Did you mean `embedder.provider`?"
    ),
    ("sorces: []", "/project/freshet.yaml:1:1: there is no key `sorces`. Did you mean `sources`?"),
    ("batch: 3", "/project/freshet.yaml:1:1: there is no key `batch`. Did you mean `embedder.batch`?"),
    (
      "sources:\n  - path: a\n    exlude: [b]",
      "/project/freshet.yaml:3:5: there is no key `sources[1].exlude`. Did you mean `sources[1].exclude`?"
    ),
    (
      "index:\n  backend: fais",
      "/project/freshet.yaml:2:12: `index.backend` must be one of `auto`, `exact`, `hnsw`, `faiss`; here stands `fais`. Did you mean `faiss`?"
    ),
    (
      "embedder: { batch: 0 }",
      "/project/freshet.yaml:1:20: `embedder.batch` must be a whole number of texts, 1 to 256; here stands `0`."
    ),
    (
      "embedder: { dimension: 65536 }",
      "/project/freshet.yaml:1:24: `embedder.dimension` must be a whole number, 1 to 65535; here stands `65536`."
    ),
    (
      "sync: { max_file_size: big }",
      "/project/freshet.yaml:1:24: `sync.max_file_size` must be a size, 1 B to 100 GB, such as `100 MB` or `64 KiB`; here stands `big`."
    ),
    ("embedder: onnx", "must be"),
    (
      "chunk: { soft: 80, min: 41 }",
      "/project/freshet.yaml:1:20: `chunk.min` must be at most half of `chunk.soft` (40); here stands 41."
    ),
    (
      "chunk: { soft: 80, overlap: 41 }",
      "/project/freshet.yaml:1:20: `chunk.overlap` must be at most half of `chunk.soft` (40); here stands 41."
    ),
    (
      "chunk: { soft: 10 }",
      "/project/freshet.yaml:1:16: `chunk.soft` must be a whole number, 64 to 1048576; here stands `10`."
    ),
    (
      "chunk: { soft: 300, hard: 200 }",
      "/project/freshet.yaml:1:10: `chunk.soft` does not fit: `soft` must be at most `hard`; they are 300 and 200."
    ),
    (
      "sources:\n- site: https://example.com/docs/",
      "/project/freshet.yaml:2:3: `sources[1].site` is a website, and this version of Freshet cannot crawl yet; take the source out."
    ),
    ("sources:\n- name: a", "/project/freshet.yaml:2:3: `sources[1]` needs a `path`: the folder to index."),
    (
      "sources: [{path: a}, {path: b/a}]",
      "/project/freshet.yaml:1:22: `sources[2]` has the name `a`, which `sources[1]` has already; give one of them another `name`."
    ),
    (
      "sources: [{path: a}, {path: ./a/, name: b}]",
      "/project/freshet.yaml:1:22: `sources[2]` has the same folder as `sources[1]`; join them, with all patterns in one `include`."
    ),
    (
      "sources: [{path: a}]\ncollection: a",
      "/project/freshet.yaml:2:1: `collection` is the folder of `sources[1]`; choose a folder of its own."
    ),
    (
      "embedder: { provider: http }",
      "/project/freshet.yaml:1:13: the embedder `http` needs `embedder.url`, such as `https://api.openai.com/v1`."
    ),
    (
      "embedder: { api_key_env: sk-12345 }",
      "/project/freshet.yaml:1:26: `embedder.api_key_env` must be the name of an environment variable, such as `OPENAI_API_KEY`, never the key itself."
    ),
    ("[a]", "/project/freshet.yaml:1:1: a configuration is a mapping of keys to values; here stands a list."),
  ])
  func aMistakeIsNamedWithItsPlaceAndRemedy(text: String, message: String) {
    if message == "must be" {
      #expect(problem(text).contains("`embedder` is a mapping of `provider`, `model`"))
    } else {
      #expect(problem(text) == message)
    }
  }

  @Test(arguments: [
    ("a: &x [1]\nb: *x", "an anchor stands here"),
    ("collection: *x", "an alias stands here"),
    ("collection: !!str x", "a tag stands here"),
    ("collection: a\ncollection: b", "`collection` stands here again; its first value is in line 1"),
    ("collection: a\n---\ncollection: b", "a second document starts here"),
    ("collection: [", "this is not valid YAML"),
    ("\tcollection: a", "this is not valid YAML"),
    ("? [a]\n: b", "a key must be a single text"),
    (String(repeating: "[", count: 2000), "nested more than 32 levels"),
    ("sources: [" + String(repeating: "1,", count: 60_000) + "]", "more than 50000 values"),
  ])
  func unsafeYAMLIsRefused(text: String, part: String) {
    #expect(problem(text).contains(part))
  }

  @Test func anOversizedFileIsRefused() {
    let text = String(repeating: "# filler filler filler\n", count: 60_000)
    #expect(problem(text).contains("a configuration has at most 1 MiB"))
  }

  @Test func bytesThatAreNotUTF8AreRefused() {
    #expect(throws: FreshetError.self) {
      try ConfigurationLoader(environment: [:], currentFolder: "/p")
        .read([0x61, 0x3A, 0x20, 0xFF, 0xFE], file: "freshet.yaml")
    }
  }

  @Test func theEnvironmentIsStrongerThanTheFileAndTheCommandLineThanBoth() throws {
    let text = "embedder: { provider: onnx, batch: 8 }\nsync: { workers: 1 }"
    let configuration = try read(
      text,
      environment: [
        "FRESHET_EMBEDDER_PROVIDER": "hash", "FRESHET_SYNC_WORKERS": "2", "FRESHET_JSON_TEXT": "a, b.c",
        "FRESHET_CONFIG": "x", "FRESHET_HASH_EMBEDDER_LOG": "y", "HOME": "/h",
      ],
      overrides: [ConfigurationOverride(key: "sync.workers", value: "3", label: "--workers")]
    )
    #expect(configuration.embedder.provider == .hash)
    #expect(configuration.embedder.batch == 8)
    #expect(configuration.sync.workers == 3)
    #expect(configuration.json.text == ["a", "b.c"])
  }

  @Test func aMistakeOutsideTheFileNamesTheVariableOrOption() {
    #expect(
      problem("", environment: ["FRESHET_EMBEDDER_PROVIDR": "hash"])
        == "FRESHET_EMBEDDER_PROVIDR: no key has this environment variable. Did you mean `FRESHET_EMBEDDER_PROVIDER`?"
    )
    #expect(
      problem("", environment: ["FRESHET_EMBEDDER_BATCH": "many"])
        == "FRESHET_EMBEDDER_BATCH: `embedder.batch` must be a whole number of texts, 1 to 256; here stands `many`."
    )
    #expect(
      problem("", overrides: [ConfigurationOverride(key: "sync.workers", value: "x", label: "--workers")])
        == "--workers: `sync.workers` must be a whole number, 0 to 256; here stands `x`."
    )
  }

  @Test func aSourceWithinAnotherIsListedByTheInnerOneAlone() throws {
    let configuration = try read("sources: [{path: ., name: all}, {path: docs/api}, {path: docs}]")
    #expect(configuration.sources[0].excludedFolders == [".freshet", "docs", "docs/api"])
    #expect(configuration.sources[1].excludedFolders == [])
    #expect(configuration.sources[2].excludedFolders == ["api"])
  }

  @Test func aFolderWithoutAFileIsItsOwnOnlySource() throws {
    let configuration = try ConfigurationLoader(
      environment: ["FRESHET_EMBEDDER_PROVIDER": "hash"],
      currentFolder: "/project"
    ).implicit(folder: "docs")
    #expect(configuration.file == nil)
    #expect(configuration.collection == "/project/docs/.freshet")
    #expect(configuration.sources.map(\.name) == ["docs"])
    #expect(configuration.sources[0].excludedFolders == [".freshet"])
    #expect(configuration.embedder.provider == .hash)
    #expect(configuration.trustRequirements.isEmpty)
  }

  @Test func theNearestFileUpwardsIsFoundUnlessAnotherIsNamed() throws {
    let folder = try TemporaryFolder()
    let inner = folder.makeFolder("a/b/c")
    try folder.write("a/freshet.yaml", "collection: x")
    let loader = try ConfigurationLoader(environment: [:], currentFolder: inner)
    #expect(loader.locate() == folder.path + "/a/freshet.yaml")
    #expect(loader.locate(explicit: "other.yaml") == inner + "/other.yaml")
    #expect(try loader.load(folder.path + "/a/freshet.yaml").collection == folder.path + "/a/x")
    let named = try ConfigurationLoader(environment: ["FRESHET_CONFIG": "/etc/f.yaml"], currentFolder: inner)
    #expect(named.locate() == "/etc/f.yaml")
    #expect(throws: FreshetError.self) { try loader.load(folder.path + "/none.yaml") }
    #expect(throws: FreshetError.self) { try loader.load(inner) }
  }
}
