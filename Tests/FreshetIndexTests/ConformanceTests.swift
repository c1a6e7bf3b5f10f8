import FreshetIndex
import FreshetModel
import FreshetTestKit
import Testing

/// Every backend, with graphs that are used from a few hundred vectors on.
enum Backends {
  /// The FAISS library lies beside the tests.
  static let library = Folder.ofTestBundle() + "/libfreshet-faiss.so"

  static let parameters: IndexParameters = {
    var parameters = IndexParameters()
    parameters.graph.searchBreadth = 24
    parameters.faiss.library = library
    return parameters
  }()

  static func conformance(_ kind: IndexBackend, mode: IndexOpenMode, seed: UInt64) -> IndexConformance {
    IndexConformance(
      seed: seed,
      make: { SegmentedIndex(kind, dimension: $0, parameters: parameters) },
      open: { try SegmentedIndex.open($0, mode: mode, parameters: parameters) }
    )
  }

  static let all = IndexBackend.allCases
}

/// A generator whose seed is printed, so that a failure can be repeated.
func printedRandom(_ test: String = #function) -> SeededRandom {
  let seed = UInt64.random(in: 0..<1_000_000)
  print("seed \(seed): \(test)")
  return SeededRandom(seed: seed)
}

@Suite struct ConformanceTests {
  @Test(arguments: Backends.all, IndexConformance.checks)
  func backendPasses(backend: IndexBackend, check: IndexConformance.Check) throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("seed \(seed): \(backend) \(check)")
    try check.run(on: Backends.conformance(backend, mode: .mapped, seed: seed))
    try check.run(on: Backends.conformance(backend, mode: .inMemory, seed: seed))
  }
}
