import FreshetIndex
import FreshetModel
import FreshetTestKit
import Testing

/// Graphs over clusters that are all as far from each other, among which no walk leads to the right one.
@Suite struct GraphTests {
  private static let dimension = 64
  private static let rowsPerCluster = 40

  /// The vectors of clusters, and queries from the same.
  private func isotropicClusters(_ count: Int, using random: inout SeededRandom) -> (
    rows: [[Float]], queries: [[Float]]
  ) {
    func uniform() -> [Float] { (0..<Self.dimension).map { _ in Float.random(in: -1...1, using: &random) } }
    let centres = (0..<count / Self.rowsPerCluster).map { _ in uniform() }
    let all = (0..<count + 300).map { _ in
      let centre = centres[Int.random(in: 0..<centres.count, using: &random)]
      return VectorSamples.unit(zip(centre, uniform()).map { $0 + 0.6 * $1 })
    }
    return (Array(all[..<count]), Array(all[count...]))
  }

  private func passages(_ index: SegmentedIndex, _ query: [Float], _ limit: Int) throws -> Set<PassageID> {
    Set(try index.search(query, limit: limit, members: nil).map(\.passage))
  }

  /// A graph of the vectors, as it is opened from its file.
  private func graph(
    of rows: [[Float]],
    at path: String,
    mode: IndexOpenMode,
    parameters: IndexParameters = IndexParameters()
  ) throws -> SegmentedIndex {
    let index = SegmentedIndex(.hnsw, dimension: Self.dimension, parameters: parameters)
    try index.add(VectorSamples.page(rows, first: 0))
    try index.write(to: path, position: IndexConformance.position)
    return try SegmentedIndex.open(path, mode: mode, parameters: parameters).index
  }

  /// Narrow enough that a graph whose rows are inserted, and searched for, from one entry finds three of four.
  private static let narrow: IndexParameters = {
    var parameters = IndexParameters()
    parameters.graph.connections = 8
    parameters.graph.buildBreadth = 8
    parameters.graph.searchBreadth = 20
    return parameters
  }()

  @Test func narrowBeamFindsTheNearestAmongEquallyDistantClusters() throws {
    var random = printedRandom()
    let samples = isotropicClusters(6000, using: &random)
    let folder = try TemporaryDirectory()
    let exact = SegmentedIndex(.exact, dimension: Self.dimension)
    try exact.add(VectorSamples.page(samples.rows, first: 0))
    let index = try graph(of: samples.rows, at: folder.file("index"), mode: .inMemory, parameters: Self.narrow)
    var found = 0
    for query in samples.queries {
      let nearest = try passages(exact, query, 10)
      found += try passages(index, query, 10).intersection(nearest).count
    }
    // A beam of 20 is so narrow that searches of 6000 rows take the graph.
    #expect(found >= 2880, "found \(found) of 3000")
  }

  @Test func searchesOfFewVectorsAnswerAsAScan() throws {
    var random = printedRandom()
    let samples = isotropicClusters(2000, using: &random)
    let folder = try TemporaryDirectory()
    let exact = SegmentedIndex(.exact, dimension: Self.dimension)
    try exact.add(VectorSamples.page(samples.rows, first: 0))
    let index = try graph(of: samples.rows, at: folder.file("index"), mode: .mapped)
    for query in samples.queries {
      #expect(
        try index.search(query, limit: 40, members: nil) == exact.search(query, limit: 40, members: nil)
      )
    }
  }

  @Test func oneThreadBuildsTheSameFileFromTheSameVectors() throws {
    var random = printedRandom()
    let samples = isotropicClusters(3000, using: &random)
    let folder = try TemporaryDirectory()
    for round in 0..<2 {
      _ = try graph(of: samples.rows, at: folder.file("\(round)"), mode: .mapped, parameters: Self.narrow)
    }
    let files = try Folder.contents(folder.path)
    #expect(files["0"] == files["1"])
  }
}
