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
    // Loaded at run time by the `faiss` backend and the export; nothing links it.
    .library(name: "freshet-faiss", type: .dynamic, targets: ["CFaiss"]),
  ],
  targets: [
    // Bridges
    bridge("CSystem"),
    system("CCrypto", pkgConfig: "libcrypto"),
    bridge("CVectorMath"),
    .target(
      name: "CHNSW",
      dependencies: ["CVectorMath"],
      path: "Sources/Bridges/CHNSW",
      cxxSettings: [.unsafeFlags(["-O3"])]
    ),
    bridge("CFaissLoader"),
    .target(
      name: "CFaiss",
      dependencies: ["CFaissLoader"],
      path: "Sources/Bridges/CFaiss",
      cxxSettings: [.unsafeFlags(["-O3"])],
      linkerSettings: [.linkedLibrary("faiss"), .linkedLibrary("openblas"), .linkedLibrary("gomp")]
    ),

    // The flow
    stage("FreshetModel"),
    stage("FreshetSystem", ["FreshetModel", "CSystem", "CCrypto"]),
    stage("FreshetIndex", ["FreshetModel", "FreshetSystem", "CVectorMath", "CHNSW", "CFaissLoader"]),
    stage("FreshetTestKit", ["FreshetModel"]),

    // Benchmarks
    .executableTarget(
      name: "IndexBenchmark",
      dependencies: ["FreshetIndex", "FreshetModel", "FreshetTestKit", "CVectorMath"],
      path: "Benchmarks/IndexBenchmark",
      swiftSettings: settings
    ),

    // Tests
    tests("FreshetModelTests", ["FreshetModel", "FreshetSystem"]),
    tests("FreshetIndexTests", ["FreshetIndex", "FreshetModel", "FreshetSystem", "FreshetTestKit", "CVectorMath"]),
  ],
  cxxLanguageStandard: .cxx17
)
