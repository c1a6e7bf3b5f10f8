// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A stage of the flow, or a layer above the stages.
func stage(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
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

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
  .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

let package = Package(
  name: "freshet",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "FreshetModel", targets: ["FreshetModel"]),
    .library(name: "FreshetParsing", targets: ["FreshetParsing"]),
    .executable(name: "freshet-parse", targets: ["freshet-parse"]),
  ],
  targets: [
    // Bridges
    bridge("CSystem"),
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

    // The flow
    stage("FreshetModel"),
    stage("FreshetSystem", ["FreshetModel", "CSystem", "CCrypto", "CZstd"]),
    stage("FreshetFormats", ["FreshetModel"]),
    stage("FreshetMarkup", ["FreshetFormats", "FreshetModel", "CXML", "CCMark", "CUchardet", "CYAML"]),
    stage("FreshetParsing", ["FreshetFormats", "FreshetModel", "FreshetSystem"]),
    .executableTarget(
      name: "freshet-parse",
      dependencies: ["FreshetFormats", "FreshetMarkup", "FreshetModel", "FreshetSystem"],
      swiftSettings: settings
    ),
    stage("FreshetEmbedding", ["FreshetModel", "FreshetSystem", "CONNXRuntime"]),
    stage("FreshetIndex", ["FreshetModel", "FreshetSystem", "CVectorMath", "CHNSW"]),
    stage("FreshetSync", ["FreshetModel", "FreshetSystem"]),

    // The face
    stage("FreshetConfiguration", ["FreshetModel", "FreshetSystem", "CSystem", "CYAML"]),
    stage("FreshetCommandLine", ["FreshetModel"]),

    // Tools for developers, measured and compared by scripts
    .executableTarget(
      name: "embed-texts",
      dependencies: ["FreshetModel", "FreshetEmbedding"],
      path: "Benchmarks/EmbedTexts",
      swiftSettings: settings
    ),

    // Tests
    tests("FreshetModelTests", ["FreshetModel", "FreshetSystem"]),
    tests("FreshetParsingTests", ["FreshetFormats", "FreshetMarkup", "FreshetModel", "FreshetParsing", "freshet-parse"]),
    tests("FreshetEmbeddingTests", ["FreshetModel", "FreshetEmbedding"], resources: [.copy("Fixtures")]),
    tests("FreshetCommandLineTests", ["FreshetCommandLine", "FreshetModel"], resources: [.copy("Snapshots")]),
    tests("FreshetConfigurationTests", ["FreshetConfiguration", "FreshetModel"]),
  ],
  cxxLanguageStandard: .cxx17
)
