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
func bridge(_ name: String, link libraries: [String] = [], flags: [String] = ["-O3"]) -> Target {
  .target(
    name: name,
    path: "Sources/Bridges/\(name)",
    cSettings: [.unsafeFlags(flags)],
    cxxSettings: [.unsafeFlags(flags)],
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
    system("CXML", pkgConfig: "libxml-2.0"),
    system("CCMark", pkgConfig: "libcmark-gfm"),
    system("CUchardet", pkgConfig: "uchardet"),
    system("CYAML", pkgConfig: "yaml-0.1"),

    // The flow
    stage("FreshetModel"),
    stage("FreshetSystem", ["FreshetModel", "CSystem", "CCrypto"]),
    stage("FreshetFormats", ["FreshetModel"]),
    stage("FreshetMarkup", ["FreshetFormats", "FreshetModel", "CXML", "CCMark", "CUchardet", "CYAML"]),
    stage("FreshetParsing", ["FreshetFormats", "FreshetModel", "FreshetSystem", "CSystem"]),
    .executableTarget(
      name: "freshet-parse",
      dependencies: ["CSystem", "FreshetFormats", "FreshetMarkup", "FreshetModel"],
      swiftSettings: settings
    ),

    // Tests
    tests("FreshetModelTests", ["FreshetModel", "FreshetSystem"]),
    tests("FreshetParsingTests", ["FreshetFormats", "FreshetMarkup", "FreshetModel", "FreshetParsing", "freshet-parse"]),
  ],
  cxxLanguageStandard: .cxx17
)
