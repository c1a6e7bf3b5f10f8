import FreshetIndex
import FreshetModel
import FreshetSystem
import FreshetTestKit

/// A collection of vectors with a log, kept in memory: what an index directory follows.
struct SampleCollection {
  struct Entry {
    var chain: ContentHash
    var touched: [PassageID]
  }

  var id = CollectionID.random()
  var epoch = CollectionID.random()
  var model = "sample/1"
  let dimension: Int
  private(set) var vectors: [PassageID: [UInt16]] = [:]
  private(set) var log: [Entry] = []
  /// Distinguishes the chains of collections that fork.
  private var salt: UInt8 = 0

  init(dimension: Int) {
    self.dimension = dimension
  }

  /// Commits one change: vectors added or replaced, passages removed.
  mutating func commit(add: [PassageID: [Float]] = [:], remove: [PassageID] = []) {
    for passage in remove { vectors[passage] = nil }
    for (passage, vector) in add { vectors[passage] = HalfPrecision.encode(vector) }
    let previous = log.last?.chain ?? .zero
    let chain = SHA256.link(previous, [salt, UInt8(truncatingIfNeeded: log.count)])
    log.append(Entry(chain: chain, touched: Array(add.keys) + remove))
  }

  /// Commits new passages with clustered vectors after the highest one.
  mutating func commitNew(_ count: Int, using random: inout SeededRandom) {
    let first = (vectors.keys.max() ?? 0) + 1
    let samples = VectorSamples.clustered(count: count, dimension: dimension, using: &random)
    commit(
      add: Dictionary(uniqueKeysWithValues: samples.enumerated().map { (first + PassageID($0.offset), $0.element) })
    )
  }

  /// Forgets the last changes of the log, as a crash that loses a tail does; what follows has another chain.
  mutating func loseTail(_ count: Int, state: SampleCollection) {
    vectors = state.vectors
    log.removeLast(count)
    salt += 1
  }

  /// What a snapshot of now reads.
  var feed: Feed { Feed(collection: self) }

  struct Feed: VectorFeed {
    let collection: SampleCollection

    var head: Head {
      Head(
        collection: collection.id,
        epoch: collection.epoch,
        sequence: SequenceNumber(collection.log.count),
        chain: collection.log.last?.chain ?? .zero,
        at: .epoch,
        historyFloor: 0
      )
    }
    var model: String { collection.model }
    var dimension: Int { collection.dimension }

    func liveVectors(after passage: PassageID, limit: Int) -> VectorPage {
      vectors(of: Array(collection.vectors.keys.filter { $0 > passage }.sorted().prefix(limit)))
    }

    func vectors(of passages: [PassageID]) -> VectorPage {
      let there = passages.filter { collection.vectors[$0] != nil }.sorted()
      return VectorPage(
        passages: there,
        dimension: dimension,
        halves: there.flatMap { collection.vectors[$0] ?? [] }
      )
    }

    func passagesChanged(after sequence: SequenceNumber) -> (live: [PassageID], gone: [PassageID]) {
      let touched = Set(collection.log[Int(sequence)...].flatMap(\.touched))
      return (
        touched.filter { collection.vectors[$0] != nil }.sorted(),
        touched.filter { collection.vectors[$0] == nil }.sorted()
      )
    }

    func chain(at sequence: SequenceNumber) -> ContentHash? {
      (1...max(1, collection.log.count)).contains(Int(sequence)) && !collection.log.isEmpty
        ? collection.log[Int(sequence) - 1].chain : nil
    }
  }
}

/// What an index answers to a few queries over everything it holds: equal for equal contents. FAISS scores with the
/// vectors themselves and everything else with their codes, so that its answers are compared without scores.
func answers(_ index: SegmentedIndex, seed: UInt64 = 1) throws -> [[ScoredPassage]] {
  var random = SeededRandom(seed: seed)
  return try VectorSamples.clustered(count: 3, dimension: index.dimension, using: &random).map {
    let hits = try index.search($0, limit: index.count, members: nil)
    return index.kind == .faiss ? withoutScores(hits) : hits
  }
}

private func withoutScores(_ hits: [ScoredPassage]) -> [ScoredPassage] {
  hits.map { ScoredPassage(passage: $0.passage, score: 0) }.sorted { $0.passage < $1.passage }
}

/// Whether the directory, opened, answers exactly as an index built from the collection's present.
func holdsExactly(_ directory: IndexDirectory, _ collection: SampleCollection) throws -> Bool {
  let fresh = SegmentedIndex(.exact, dimension: collection.dimension)
  try fresh.add(collection.feed.liveVectors(after: -1, limit: .max))
  let expected = try answers(fresh)
  return try [IndexOpenMode.mapped, .inMemory].allSatisfy { mode in
    let view = try directory.open(collection.feed, mode: mode)
    guard view.position == collection.feed.position else { return false }
    return try answers(view.index) == (view.index.kind == .faiss ? expected.map(withoutScores) : expected)
  }
}
