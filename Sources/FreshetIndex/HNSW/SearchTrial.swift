import CVectorMath
import FreshetModel

/// Measures how wide the searches of a graph have to be.
///
/// How many rows a beam has to hold to find nearly all of the nearest ones depends on how many vectors there are and how
/// they lie: what suffices for a hundred thousand found six of ten among a million. So some rows are kept back while a
/// graph is built, looked for in it and by a scan, and only then inserted. (Rows that are in the graph already would be
/// found too easily: their links were made by the same walk.)
struct BreadthTrial {
  /// Rows asked for: four for each of the ten nearest that count, as searches do before they score again.
  static let limit = 40
  /// The nearest rows that a search has to find.
  private static let nearest = 10
  /// The share of them that it has to find.
  private static let recall = 0.99
  /// Rows kept back.
  private static let queryCount = 128
  /// Rows for each that is kept back: of fewer, a graph misses none.
  private static let rowsPerQuery = 100
  /// The narrowest beam tried.
  static let least = 256
  /// The beams tried; one wider than these costs more than a scan of a million rows.
  private static let breadths = [least, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192]

  /// The rows kept back, spread evenly.
  let queries: [UInt32]
  /// All other rows.
  let others: [UInt32]
  private let rows: Int

  init(rows: Int) {
    self.rows = rows
    let count = min(Self.queryCount, rows / Self.rowsPerQuery)
    let step = count > 0 ? rows / count : rows + 1
    queries = (0..<count).map { UInt32($0 * step + step / 2) }
    let keptBack = Set(queries)
    others = (0..<UInt32(rows)).filter { !keptBack.contains($0) }
  }

  /// The narrowest beam that finds enough in a graph of the other rows; the widest when none does.
  func breadth(of graph: Graph, in segment: Segment) throws -> Int {
    guard !queries.isEmpty else { return 0 }
    var mask = RowSet(rows: rows)
    for row in others { mask.insert(Int(row)) }
    var asked: [(query: Query, nearest: Set<Int>)] = []
    for row in queries {
      try Task.checkCancellation()
      let query = try Query(segment.vector(at: Int(row)), dimension: segment.dimension)
      asked.append((query, Set(segment.scan(query, limit: Self.nearest, mask: mask).map(\.row))))
    }
    let wanted = Self.recall * Double(asked.reduce(0) { $0 + $1.nearest.count })
    for breadth in Self.breadths {
      try Task.checkCancellation()
      var found = 0
      for (query, nearest) in asked {
        // No mask: the graph has no other rows.
        let rows = graph.found(
          query,
          in: segment,
          limit: Self.limit,
          mask: nil,
          breadth: breadth,
          mostVisits: segment.count
        )
        found += rows?.count { nearest.contains($0.row) } ?? 0
      }
      if Double(found) >= wanted { return breadth }
    }
    return Self.breadths.last ?? 0
  }
}
