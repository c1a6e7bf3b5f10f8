import CVectorMath
import FreshetModel

/// How searches of a graph go, as measured when it was built.
struct SearchPlan: Equatable {
  /// Every so-manieth row of upper levels is scanned for where to start; 0 for a walk down from the graph's entry.
  var startStep = 0
  /// The beam on the ground; 0 when nobody measured it, `none` when no search of the graph is better than a scan.
  var breadth = 0
  /// The rows that a search looks at on its walk, on average.
  var visits = 0

  /// The plan to scan.
  static let none = SearchPlan(breadth: Int(UInt32.max))

  /// A row looked at on a walk costs about as much as so many of a scan (140 against 18 ns among a million): it is
  /// anywhere in memory, and which one is next shows late.
  static let visitCost = 8.0
  /// The same of a row that is scanned for a start: far from the one before, but known long before.
  static let startCost = 1.5

  /// What a search costs, in rows of a scan, when it scans so many rows for its start.
  func cost(starts: Int) -> Double { Double(starts) * Self.startCost + Double(visits) * Self.visitCost }

  /// The visits that a cost allows.
  static func visits(within cost: Double, starts: Int) -> Double {
    (cost - Double(starts) * startCost) / visitCost
  }
}

/// Measures where the searches of a graph have to start, and how wide they have to be.
///
/// How many rows a beam has to hold to find nearly all of the nearest ones depends on how many vectors there are and how
/// they lie: what suffices for a hundred thousand found six of ten among a million. Among thousands of clusters that are
/// equally far from each other even the widest walk from one entry ends in the wrong ones, and a scan of a random sample
/// of the rows finds the right ones: the larger the sample, the more of them. So some rows are kept back while a graph is
/// built, looked for in it in every way and by a scan, and only then inserted. (Rows that are in the graph already would
/// be found too easily: their links were made by the same walk.)
///
/// What a way costs is counted in rows, not in time, so that the same graph has the same plan on every machine.
struct SearchTrial {
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
  /// The fewest rows scanned for a start.
  private static let fewestStarts = 64

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

  /// The cheapest way that finds enough in a graph of the other rows, if it is cheaper than a scan.
  func plan(for graph: Graph, in segment: Segment) throws -> SearchPlan {
    guard !queries.isEmpty else { return SearchPlan() }
    let asked = try ask(segment)
    var best = (plan: SearchPlan.none, cost: Double(rows))
    // From few starts, which cost next to nothing, to all, which may do with a narrower beam. A walk down from the entry
    // looks at more rows than the fewest starts are, and finds no more.
    var step = 1
    while graph.starts(step: 2 * step).rows.count >= Self.fewestStarts { step *= 2 }
    while step > 0 {
      let starts = graph.starts(step: step)
      breadths: for breadth in Self.breadths {
        let way = Way(starts: starts, breadth: breadth)
        switch try attempt(way, for: asked, of: graph, in: segment, below: best.cost) {
        case .misses: continue
        // So is every wider beam.
        case .isCostlier: break breadths
        case .suffices(let visits):
          let plan = SearchPlan(startStep: step, breadth: breadth, visits: visits)
          best = (plan, plan.cost(starts: starts.rows.count))
          break breadths
        }
      }
      step /= 2
    }
    return best.plan
  }

  private struct Question {
    let query: Query
    let nearest: Set<Int>
  }

  private struct Way {
    let starts: Graph.Starts
    let breadth: Int
  }

  private enum Outcome {
    case suffices(visits: Int)
    case misses
    case isCostlier
  }

  /// Looks for the rows kept back among all others.
  private func ask(_ segment: Segment) throws -> [Question] {
    var mask = RowSet(rows: rows)
    for row in others { mask.insert(Int(row)) }
    return try queries.map { row in
      try Task.checkCancellation()
      let query = try Query(segment.vector(at: Int(row)), dimension: segment.dimension)
      return Question(query: query, nearest: Set(segment.scan(query, limit: Self.nearest, mask: mask).map(\.row)))
    }
  }

  /// Asks everything, or until the outcome is plain.
  private func attempt(
    _ way: Way,
    for asked: [Question],
    of graph: Graph,
    in segment: Segment,
    below bound: Double
  ) throws -> Outcome {
    let total = asked.reduce(0) { $0 + $1.nearest.count }
    var missable = Int(Double(total) * (1 - Self.recall))
    let mostVisits = Double(asked.count) * SearchPlan.visits(within: bound, starts: way.starts.rows.count)
    var visits = 0
    for question in asked {
      try Task.checkCancellation()
      // No mask: the graph has no other rows.
      let found = graph.found(
        question.query,
        in: segment,
        limit: Self.limit,
        mask: nil,
        from: way.starts,
        breadth: way.breadth,
        mostVisits: segment.count
      )
      visits += found.visits
      guard Double(visits) < mostVisits else { return .isCostlier }
      missable -= question.nearest.count - (found.rows?.count { question.nearest.contains($0.row) } ?? 0)
      guard missable >= 0 else { return .misses }
    }
    return .suffices(visits: visits / asked.count)
  }
}
