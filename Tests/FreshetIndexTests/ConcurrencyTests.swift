import FreshetIndex
import FreshetModel
import FreshetSystem
import FreshetTestKit
import Testing

@Suite struct ConcurrencyTests {
  /// A writer moves all passages between two groups in single steps: a search that saw half of a step would find both.
  @Test(arguments: IndexBackend.allCases)
  func searchesBesideAWriterSeeWholeStepsOnly(backend: IndexBackend) async throws {
    var random = printedRandom()
    let count = 400
    let vectors = VectorSamples.clustered(count: count, dimension: 16, using: &random)
    let temporary = try TemporaryDirectory()
    let made = SegmentedIndex(backend, dimension: 16, parameters: Backends.parameters)
    try made.add(VectorSamples.page(vectors, first: 0))
    try made.write(to: temporary.path + "/index", position: IndexConformance.position)
    let (index, _) = try SegmentedIndex.open(
      temporary.path + "/index",
      mode: .inMemory,
      parameters: Backends.parameters
    )
    // The first component's sign tells which step a vector is of.
    let steps = [Float(1), -1].map { sign in
      VectorSamples.page(vectors.map { VectorSamples.unit([4 * sign] + $0.dropFirst()) }, first: 0)
    }
    try index.add(steps[0])
    let query = [Float(1)] + [Float](repeating: 0, count: 15)
    let pool = ThreadPool(name: "searches", threads: 3)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          try await pool.run {
            for _ in 0..<150 {
              let hits = try index.search(query, limit: count + 1, members: nil)
              #expect(hits.count == count)
              let positive = hits.count { $0.score > 0 }
              #expect(positive == 0 || positive == count, "\(positive) of \(count) are of the new step")
            }
          }
        }
      }
      group.addTask {
        try await pool.run {
          for step in 0..<60 { try index.add(steps[step % 2]) }
        }
      }
      try await group.waitForAll()
    }
    #expect(index.count == count)
  }

  @Test func readersOpenWhileAWriterReplacesTheFiles() async throws {
    let temporary = try TemporaryDirectory()
    var settings = IndexSettings()
    settings.maximumDeltaFiles = 2
    let directory = IndexDirectory(path: temporary.path + "/index", settings: settings)
    var random = printedRandom()
    var states: [SampleCollection] = []
    var collection = SampleCollection(dimension: 8)
    for _ in 0..<25 {
      collection.commitNew(Int.random(in: 1...60, using: &random), using: &random)
      states.append(collection)
    }
    try directory.update(states[0].feed)
    let feeds = states.map(\.feed)
    let pool = ThreadPool(name: "readers", threads: 3)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for mode in [IndexOpenMode.mapped, .inMemory] {
        group.addTask {
          try await pool.run {
            for _ in 0..<60 {
              let view = try #require(directory.load(mode: mode))
              let feed = feeds[Int(view.position.sequence) - 1]
              #expect(view.index.count == feed.collection.vectors.count)
              let hits = try view.index.search([1, 0, 0, 0, 0, 0, 0, 0], limit: .max >> 1, members: nil)
              #expect(Set(hits.map(\.passage)) == Set(feed.collection.vectors.keys))
            }
          }
        }
      }
      group.addTask {
        try await pool.run {
          for feed in feeds { try directory.update(feed) }
        }
      }
      try await group.waitForAll()
    }
  }
}
