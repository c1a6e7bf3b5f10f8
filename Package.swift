// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A stage of the flow, or a layer above the stages.
func stage(
  _ name: String,
  _ dependencies: [Target.Dependency] = [],
  exclude: [String] = [],
  resources: [Resource]? = nil
) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: settings)
}

/// A system library behind a module map.
func system(_ name: String, pkgConfig: String? = nil) -> Target {
  .systemLibrary(name: name, path: "Sources/Bridges/\(name)", pkgConfig: pkgConfig)
}

/// C or C++ sources of ours: shims around a library, or a kernel.
func bridge(_ name: String, _ dependencies: [Target.Dependency] = [], link libraries: [String] = []) -> Target {
  .target(
    name: name,
    dependencies: dependencies,
    path: "Sources/Bridges/\(name)",
    linkerSettings: libraries.map { .linkedLibrary($0) }
  )
}

func tests(
  _ name: String,
  _ dependencies: [Target.Dependency],
  exclude: [String] = [],
  resources: [Resource]? = nil
) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: settings)
}

let package = Package(
  name: "freshet",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "FreshetModel", targets: ["FreshetModel"]),
    .library(name: "FreshetParsing", targets: ["FreshetParsing"]),
    .library(name: "FreshetTestKit", targets: ["FreshetTestKit"]),
    .library(
      name: "Freshet",
      targets: ["Freshet", "FreshetConfiguration", "FreshetModel", "FreshetSearch", "FreshetSync"]
    ),
    .executable(name: "freshet", targets: ["FreshetCommand"]),
    .executable(name: "freshet-parse", targets: ["freshet-parse"]),
    // Loaded at run time by the `faiss` backend and the export; nothing links it.
    .library(name: "freshet-faiss", type: .dynamic, targets: ["CFaiss"]),
  ],
  targets: [
    // Bridges
    bridge("CSystem"),
    bridge("CSQLite", link: ["sqlite3"]),
    system("CCrypto", pkgConfig: "libcrypto"),
    system("CZstd", pkgConfig: "libzstd"),
    system("CYAML", pkgConfig: "yaml-0.1"),
    system("CXML", pkgConfig: "libxml-2.0"),
    system("CCMark", pkgConfig: "libcmark-gfm"),
    system("CUchardet", pkgConfig: "uchardet"),
    system("CONNXRuntimeHeader", pkgConfig: "libonnxruntime"),
    bridge("CONNXRuntime", ["CONNXRuntimeHeader"]),
    bridge("CVectorMath"),
    bridge("CHNSW", ["CVectorMath"]),
    bridge("CCurl"),
    bridge("CFaissLoader"),
    bridge("CFaiss", ["CFaissLoader"], link: ["faiss", "openblas", "gomp"]),

    // The flow
    stage("FreshetModel"),
    stage("FreshetSystem", ["FreshetModel", "CSystem", "CCrypto", "CZstd"]),
    stage("FreshetSources", ["FreshetModel", "FreshetSystem", "CSystem"]),
    stage("FreshetFormats", ["FreshetModel"]),
    stage("FreshetMarkup", ["FreshetFormats", "FreshetModel", "CXML", "CCMark", "CUchardet", "CYAML"]),
    stage("FreshetParsing", ["FreshetFormats", "FreshetModel", "FreshetSystem"]),
    .executableTarget(
      name: "freshet-parse",
      dependencies: ["FreshetFormats", "FreshetMarkup", "FreshetModel", "FreshetSystem"],
      swiftSettings: settings
    ),
    stage("FreshetHTTP", ["FreshetModel", "FreshetSystem", "CCurl"]),
    stage("FreshetDelivery", ["FreshetModel", "FreshetSystem", "FreshetHTTP"]),
    stage("FreshetChunking", ["FreshetModel"]),
    stage(
      "FreshetEmbedding",
      ["FreshetFormats", "FreshetModel", "FreshetSystem", "FreshetHTTP", "CONNXRuntime", "CCrypto"]
    ),
    stage("FreshetIndex", ["FreshetModel", "FreshetSystem", "CVectorMath", "CHNSW", "CFaissLoader"]),
    stage("FreshetSearch", ["FreshetModel", "CVectorMath"]),
    stage("FreshetStore", ["FreshetModel", "FreshetSystem", "CSQLite"], exclude: ["DESIGN.md"]),
    stage("FreshetSync", ["FreshetModel", "FreshetSystem"]),

    // The face
    stage("FreshetConfiguration", ["FreshetFormats", "FreshetModel", "FreshetSystem", "CYAML"]),
    stage(
      "Freshet",
      [
        "FreshetModel", "FreshetSystem", "FreshetConfiguration", "FreshetSources", "FreshetParsing", "FreshetFormats",
        "FreshetChunking", "FreshetDelivery", "FreshetEmbedding", "FreshetHTTP", "FreshetStore", "FreshetIndex",
        "FreshetSearch", "FreshetSync",
      ]
    ),
    stage(
      "FreshetService",
      [
        "Freshet", "FreshetConfiguration", "FreshetFormats", "FreshetIndex", "FreshetModel", "FreshetSources",
        "FreshetSync", "FreshetSystem",
      ]
    ),
    stage("FreshetCommandLine", ["FreshetModel"]),
    .executableTarget(
      name: "FreshetCommand",
      dependencies: [
        "Freshet", "FreshetCommandLine", "FreshetConfiguration", "FreshetEmbedding", "FreshetIndex", "FreshetModel",
        "FreshetSearch", "FreshetService", "FreshetSync", "FreshetSystem",
      ],
      swiftSettings: settings
    ),

    // Tools for developers, measured and compared by scripts
    .executableTarget(
      name: "embed-texts",
      dependencies: ["FreshetModel", "FreshetEmbedding"],
      path: "Benchmarks/EmbedTexts",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "index-benchmark",
      dependencies: ["FreshetIndex", "FreshetModel", "FreshetTestKit", "CVectorMath"],
      path: "Benchmarks/IndexBenchmark",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "diff-benchmark",
      dependencies: ["FreshetModel", "FreshetSync", "FreshetSystem"],
      path: "Benchmarks/DiffBenchmark",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "search-benchmark",
      dependencies: [
        "Freshet", "FreshetConfiguration", "FreshetModel", "FreshetSearch", "FreshetSystem", "FreshetTestKit",
        "CSQLite",
      ],
      path: "Benchmarks/SearchBenchmark",
      swiftSettings: settings
    ),

    stage("FreshetTestKit", ["FreshetModel", "FreshetSystem", "FreshetIndex"]),

    // Tests
    .executableTarget(
      name: "system-probe",
      dependencies: ["FreshetModel", "FreshetSources", "FreshetSystem"],
      path: "Tests/SystemProbe",
      swiftSettings: settings
    ),
    tests("FreshetSystemTests", ["CSystem", "FreshetModel", "FreshetSystem", "FreshetTestKit", "system-probe"]),
    tests(
      "FreshetSourcesTests",
      ["FreshetModel", "FreshetSources", "FreshetSystem", "FreshetTestKit", "system-probe"],
      resources: [.copy("Fixtures")]
    ),
    tests("FreshetStoreTests", ["FreshetModel", "FreshetSystem", "FreshetStore", "FreshetTestKit", "CSQLite"]),
    tests("FreshetSyncTests", ["FreshetModel", "FreshetSystem", "FreshetStore", "FreshetSync", "FreshetTestKit"]),
    tests("FreshetModelTests", ["FreshetModel", "FreshetSystem"]),
    tests("FreshetIndexTests", ["FreshetIndex", "FreshetModel", "FreshetSystem", "FreshetTestKit", "CVectorMath"]),
    tests(
      "FreshetParsingTests",
      ["FreshetFormats", "FreshetMarkup", "FreshetModel", "FreshetParsing", "freshet-parse"]
    ),
    tests("FreshetChunkingTests", ["FreshetModel", "FreshetChunking"]),
    tests(
      "FreshetSearchTests",
      ["FreshetModel", "FreshetSearch", "FreshetStore", "FreshetIndex", "FreshetSystem", "FreshetTestKit"]
    ),
    tests(
      "FreshetTests",
      [
        "Freshet", "FreshetConfiguration", "FreshetEmbedding", "FreshetModel", "FreshetSearch", "FreshetSync",
        "FreshetTestKit", "freshet-parse",
      ]
    ),
    tests(
      "FreshetHTTPTests",
      [
        "FreshetHTTP", "FreshetDelivery", "FreshetEmbedding", "FreshetStore", "FreshetSync", "FreshetTestKit",
        "FreshetModel", "FreshetSystem", "CCrypto",
      ],
      exclude: ["mail_server.py"]
    ),
    tests("FreshetEmbeddingTests", ["FreshetModel", "FreshetEmbedding"], resources: [.copy("Fixtures")]),
    tests("FreshetCommandLineTests", ["FreshetCommandLine", "FreshetModel"], resources: [.copy("Snapshots")]),
    tests(
      "FreshetCommandTests",
      [
        "Freshet", "FreshetConfiguration", "FreshetModel", "FreshetSystem", "FreshetCommand", "FreshetTestKit",
        "freshet-parse", "article-examples", "readme-example",
      ],
      resources: [.copy("Snapshots")]
    ),
    .executableTarget(
      name: "readme-example",
      dependencies: ["Freshet"],
      path: "Tests/ReadmeExample",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "article-examples",
      dependencies: ["Freshet"],
      path: "Tests/ArticleExamples",
      swiftSettings: settings
    ),
    tests(
      "FreshetServiceTests",
      ["Freshet", "FreshetService", "FreshetSources", "FreshetSystem", "FreshetTestKit"]
    ),
    tests("FreshetConfigurationTests", ["FreshetConfiguration", "FreshetModel"]),
  ],
  cxxLanguageStandard: .cxx17
)
