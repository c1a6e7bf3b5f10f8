import FreshetModel
import Synchronization

/// Which passages the open chunks of each document are, at one state of a collection, so that a filter which matches many
/// documents costs no pass over the table of chunks at each search.
final class ChunkCache: Sendable {
  /// Open chunks above which nothing is kept: 8 bytes each.
  static let chunksMax = 8 << 20
  /// Changed documents that are read again one by one; after more, all are.
  static let documentsMax = 2_048

  typealias Passages = [Int64: [PassageID]]

  private struct State {
    var head: Head?
    var passages: Passages = [:]
    var probes = 0
  }

  private let state = Mutex(State())

  /// The state that was kept last, and what was kept.
  var kept: (head: Head, passages: Passages)? {
    state.withLock { state in state.head.map { ($0, state.passages) } }
  }

  /// Counts documents that are looked up one by one because nothing is kept; how many there were until now.
  func countProbes(_ documents: Int) -> Int {
    state.withLock { state in
      state.probes += documents
      return state.probes
    }
  }

  /// Counts anew.
  func forgetProbes() { state.withLock { $0.probes = 0 } }

  /// Keeps what a state's documents are made of, unless a newer state's is kept.
  func keep(_ passages: Passages, at head: Head) {
    state.withLock { state in
      if let newer = state.head, newer.epoch == head.epoch, newer.sequence > head.sequence { return }
      state = State(head: head, passages: passages)
    }
  }
}

extension SQLiteSnapshot {
  /// The passages of every live document, when they are kept or can be brought in step cheaply.
  func keptOpenChunks() throws -> ChunkCache.Passages? {
    guard let cache = caches?.chunks, let kept = cache.kept else { return nil }
    let old = kept.head
    if old == head { return kept.passages }
    guard old.collection == head.collection, old.epoch == head.epoch, old.sequence <= head.sequence,
      try chain(at: old.sequence) == old.chain
    else { return nil }
    let changed = try connection.statement("SELECT DISTINCT document FROM change WHERE sequence > ?1 LIMIT ?2")
    var documents: [Int64] = []
    do {
      defer { changed.reset() }
      changed.bind(1, old.sequence)
      changed.bind(2, Int64(ChunkCache.documentsMax + 1))
      while try changed.step() { documents.append(changed.integer(0)) }
    }
    guard documents.count <= ChunkCache.documentsMax else { return nil }
    var passages = kept.passages
    for document in documents {
      let open = try openPassages(of: document)
      passages[document] = open.isEmpty ? nil : open
    }
    cache.keep(passages, at: head)
    return passages
  }

  /// The passages of every live document, read in one pass and then kept.
  func readOpenChunks() throws -> ChunkCache.Passages {
    let statement = try connection.statement("SELECT document, passage FROM chunk WHERE to_sequence IS NULL")
    defer { statement.reset() }
    var passages: ChunkCache.Passages = [:]
    var (document, own, count) = (Int64(-1), [PassageID](), 0)
    while try statement.step() {
      let next = statement.integer(0)
      if next != document {
        if !own.isEmpty { passages[document, default: []] += own }
        (document, own) = (next, [])
      }
      own.append(statement.integer(1))
      count += 1
    }
    if !own.isEmpty { passages[document, default: []] += own }
    if count <= ChunkCache.chunksMax {
      caches?.chunks.keep(passages, at: head)
    } else {
      caches?.chunks.forgetProbes()
    }
    return passages
  }

  func openPassages(of document: Int64) throws -> [PassageID] {
    let statement = try connection.statement(
      "SELECT passage FROM chunk WHERE document = ?1 AND to_sequence IS NULL"
    )
    defer { statement.reset() }
    statement.bind(1, document)
    var passages: [PassageID] = []
    while try statement.step() { passages.append(statement.integer(0)) }
    return passages
  }
}

/// What searches of one store keep between each other.
final class SearchCaches: Sendable {
  let keywords = KeywordCache()
  let chunks = ChunkCache()
  let past = PastCache()
}
