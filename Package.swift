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
    .library(name: "FreshetTestKit", targets: ["FreshetTestKit"]),
  ],
  targets: [
    // Bridges
    bridge("CSystem"),
    system("CCrypto", pkgConfig: "libcrypto"),
    bridge("CSQLite", link: ["sqlite3"]),
    system("CZstd", pkgConfig: "libzstd"),

    // The flow
    stage("FreshetModel"),
    stage("FreshetSystem", ["FreshetModel", "CSystem", "CCrypto", "CZstd"]),
    stage("FreshetStore", ["FreshetModel", "FreshetSystem", "CSQLite"], exclude: ["DESIGN.md"]),

    stage("FreshetTestKit", ["FreshetModel", "FreshetSystem"]),

    // Tests
    tests("FreshetModelTests", ["FreshetModel", "FreshetSystem"]),
    tests("FreshetStoreTests", ["FreshetModel", "FreshetSystem", "FreshetStore", "FreshetTestKit", "CSQLite"]),
  ],
  cxxLanguageStandard: .cxx17
)
