import CHNSW
import CVectorMath
import FreshetModel

/// How a graph is built and searched.
public struct GraphParameters: Sendable, Hashable {
  /// Links of a vector to others (`M`); twice as many on the lowest level.
  public var connections = 16
  /// The beam while building (`efConstruction`).
  public var buildBreadth = 128
  /// The least beam of a search (`ef`); `nil` takes what was measured when the graph was built.
  public var searchBreadth: Int?
  /// The beam for each result asked for, where that is more.
  public var breadthPerResult = 2
  /// Threads that build.
  public var threads = 1

  /// Takes the defaults.
  public init() {}

  /// Links beyond this make a node larger than its vector.
  static let maximumConnections = 128
}

/// A graph over the rows of a segment: what hnswlib linked, flattened.
///
/// `@unchecked Sendable`: nothing that the pointers reach is written after `init`, and `owners` keeps it alive.
final class Graph: Accelerator, @unchecked Sendable {
  /// Rows inserted between two looks at whether the task was cancelled.
  private static let insertionsBetweenChecks = 1000
  /// Rows inserted first.
  private static let fewestInsertions = 64

  /// The rows of which a search takes the best to start from; without any, it walks down from the graph's entry.
  struct Starts: Sendable {
    let rows: [UInt32]
  }

  private let graph: freshet_hnsw_graph
  private let rows: Int
  private let parameters: GraphParameters
  /// Not stored: a look at `graph.starts` gives it.
  private let starts: Starts
  private let owners: [AnyObject]

  private init(_ graph: freshet_hnsw_graph, rows: Int, _ parameters: GraphParameters, owners: [AnyObject]) {
    self.graph = graph
    self.rows = rows
    self.parameters = parameters
    // The step was measured with the beam: with another one, all starts.
    let step = parameters.searchBreadth == nil ? Int(graph.shape.start_step) : 1
    starts = Self.starts(of: graph, rows: rows, step: step)
    self.owners = owners
  }

  /// Builds the graph, and measures how its searches have to go; with one thread the same rows give the same graph.
  /// - Throws: `FreshetError` with `index_failed` when memory is short; `CancellationError`.
  static func build(over segment: Segment, _ parameters: GraphParameters) throws -> Graph {
    var message = FailureMessage()
    var rows = segment.cRows
    let connections = UInt32(min(max(parameters.connections, 2), GraphParameters.maximumConnections))
    func failure() -> FreshetError {
      FreshetError(
        .indexFailed,
        "The graph of \(segment.count) vectors could not be built (\(message.text)); set index.backend to exact."
      )
    }
    guard
      let builder = freshet_hnsw_builder_make(
        &rows,
        connections,
        UInt32(clamping: parameters.buildBreadth),
        &message.bytes,
        message.bytes.count
      )
    else { throw failure() }
    defer { freshet_hnsw_builder_free(builder) }
    var inserted = 0
    func insert(_ order: [UInt32]) throws {
      let threads = UInt32(clamping: max(1, parameters.threads))
      var rest = order[...]
      while !rest.isEmpty {
        try Task.checkCancellation()
        // The rows inserted at once do not find each other: as many as are there already at most.
        let places = rest.prefix(min(max(inserted, fewestInsertions), insertionsBetweenChecks))
        let isInserted = places.withUnsafeBufferPointer {
          freshet_hnsw_builder_insert(builder, $0.baseAddress, $0.count, threads, &message.bytes, message.bytes.count)
        }
        guard isInserted else { throw failure() }
        inserted += places.count
        rest.removeFirst(places.count)
      }
    }
    let trial = SearchTrial(rows: segment.count)
    var others = trial.others
    freshet_hnsw_builder_arrange(builder, &others, others.count)
    try insert(others)
    let plan = try trial.plan(for: Graph(flattening: builder, rows: segment.count, parameters), in: segment)
    try insert(trial.queries)
    return Graph(flattening: builder, rows: segment.count, parameters, plan: plan)
  }

  /// Copies what a builder has linked so far.
  private convenience init(
    flattening builder: OpaquePointer,
    rows: Int,
    _ parameters: GraphParameters,
    plan: SearchPlan = SearchPlan()
  ) {
    var lists = 0
    var shape = freshet_hnsw_builder_shape(builder, &lists)
    shape.breadth = UInt32(clamping: plan.breadth)
    shape.start_step = UInt32(clamping: plan.startStep)
    shape.visits = UInt32(clamping: plan.visits)
    let layout = Layout(rows: rows, lists: lists, connections: Int(shape.connections))
    let ground = AlignedMemory(capacity: layout.groundBytes)
    let starts = AlignedMemory(capacity: layout.startsBytes)
    let upper = AlignedMemory(capacity: layout.upperBytes)
    let view = freshet_hnsw_graph(
      shape: shape,
      ground: UnsafePointer(ground.extend(by: layout.groundBytes).assumingMemoryBound(to: UInt32.self)),
      starts: UnsafePointer(starts.extend(by: layout.startsBytes).assumingMemoryBound(to: UInt32.self)),
      upper: UnsafePointer(upper.extend(by: layout.upperBytes).assumingMemoryBound(to: UInt32.self)),
      upper_lists: lists
    )
    freshet_hnsw_builder_flatten(
      builder,
      UnsafeMutablePointer(mutating: view.ground),
      UnsafeMutablePointer(mutating: view.starts),
      UnsafeMutablePointer(mutating: view.upper)
    )
    self.init(view, rows: rows, parameters, owners: [ground, starts, upper])
  }

  /// Takes a stored graph; `nil` when its sections do not fit the segment.
  convenience init?(image: IndexFile.Image, segment: Segment, parameters: GraphParameters) {
    guard let head = image.section(.graphShape).flatMap({ Head(stored: $0) }),
      let ground = image.section(.graphGround), let starts = image.section(.graphStarts),
      let upper = image.section(.graphUpper)
    else { return nil }
    let (shape, lists) = (head.shape, head.lists)
    guard (1...GraphParameters.maximumConnections).contains(Int(shape.connections)), lists <= UInt64(UInt32.max),
      shape.entry < max(segment.count, 1)
    else { return nil }
    let layout = Layout(rows: segment.count, lists: Int(lists), connections: Int(shape.connections))
    guard ground.count == layout.groundBytes, starts.count == layout.startsBytes, upper.count == layout.upperBytes,
      let groundStart = ground.baseAddress, let startsStart = starts.baseAddress, let upperStart = upper.baseAddress
    else { return nil }
    let graph = freshet_hnsw_graph(
      shape: shape,
      ground: groundStart.assumingMemoryBound(to: UInt32.self),
      starts: startsStart.assumingMemoryBound(to: UInt32.self),
      upper: upperStart.assumingMemoryBound(to: UInt32.self),
      upper_lists: Int(lists)
    )
    self.init(graph, rows: segment.count, parameters, owners: [image])
  }

  /// The stored shape of a graph, and how many upper lists it has.
  private struct Head {
    var shape: freshet_hnsw_shape
    let lists: UInt64

    /// The fields that graphs have had from the first: connections, entry, top level and breadth.
    private static let firstBytes = 16

    init(_ graph: freshet_hnsw_graph) {
      shape = graph.shape
      lists = UInt64(graph.upper_lists)
    }

    /// Reads a shape; one that was stored before there were starts is of a graph whose searches walk down from its entry.
    init?(stored bytes: UnsafeRawBufferPointer) {
      shape = freshet_hnsw_shape()
      let shapeBytes = bytes.count - MemoryLayout<UInt64>.size
      guard [Self.firstBytes, MemoryLayout<freshet_hnsw_shape>.size].contains(shapeBytes) else { return nil }
      withUnsafeMutableBytes(of: &shape) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<shapeBytes])) }
      lists = bytes.loadUnaligned(fromByteOffset: shapeBytes, as: UInt64.self)
    }

    var bytes: [UInt8] {
      withUnsafeBytes(of: shape) { Array($0) } + withUnsafeBytes(of: lists.littleEndian) { Array($0) }
    }
  }

  /// Every so-manieth row of upper levels; none for a step of 0.
  func starts(step: Int) -> Starts { Self.starts(of: graph, rows: rows, step: step) }

  private static func starts(of graph: freshet_hnsw_graph, rows: Int, step: Int) -> Starts {
    var graph = graph
    let count = freshet_hnsw_upper_rows(&graph, rows, UInt32(clamping: step), nil)
    let found = [UInt32](unsafeUninitializedCapacity: count) {
      $1 = freshet_hnsw_upper_rows(&graph, rows, UInt32(clamping: step), $0.baseAddress)
    }
    return Starts(rows: found)
  }

  /// Bytes of the three arrays.
  private struct Layout {
    let groundBytes: Int
    let startsBytes: Int
    let upperBytes: Int

    init(rows: Int, lists: Int, connections: Int) {
      groundBytes = rows * (1 + 2 * connections) * 4
      startsBytes = (rows + 1) * 4
      upperBytes = lists * (1 + connections) * 4
    }
  }

  func sections() -> [IndexFile.Section] {
    let layout = Layout(rows: rows, lists: graph.upper_lists, connections: Int(graph.shape.connections))
    return [
      IndexFile.Section(.graphShape, copying: Head(graph).bytes),
      IndexFile.Section(.graphGround, UnsafeRawBufferPointer(start: graph.ground, count: layout.groundBytes)),
      IndexFile.Section(.graphStarts, UnsafeRawBufferPointer(start: graph.starts, count: layout.startsBytes)),
      IndexFile.Section(.graphUpper, UnsafeRawBufferPointer(start: graph.upper, count: layout.upperBytes)),
    ]
  }

  func search(_ query: Query, in segment: Segment, limit: Int, mask: RowSet?, matches: Int) -> [ScoredRow]? {
    guard let plan = plan(limit: limit) else { return nil }
    // A mask hides rows that the beam has to look at all the same, so that it looks at so many more when they are hidden
    // at random.
    let masked = SearchPlan(visits: Int(Double(plan.visits) * Double(rows) / Double(max(matches, 1))))
    guard masked.cost(starts: starts.rows.count) < Double(matches) else { return nil }
    // Where they are not, the rows let through may lie far away: a walk that costs two scans has failed.
    let mostVisits = Int(2 * SearchPlan.visits(within: Double(matches), starts: 0))
    return found(
      query,
      in: segment,
      limit: limit,
      mask: mask,
      from: starts,
      breadth: plan.breadth,
      mostVisits: mostVisits
    )
    .rows
  }

  /// How a search for so many rows goes; `nil` when a scan is better.
  private func plan(limit: Int) -> SearchPlan? {
    let widest = limit * parameters.breadthPerResult
    // Not measured: a beam looks at about 20 rows for each of its places.
    func unmeasured(_ breadth: Int) -> SearchPlan { SearchPlan(breadth: breadth, visits: breadth * 20) }
    if let breadth = parameters.searchBreadth { return unmeasured(max(breadth, widest)) }
    guard graph.shape.breadth < UInt32.max else { return nil }
    // Measured for `SearchTrial.limit` rows, of which the best count.
    let wider = Double(max(limit, SearchTrial.limit)) / Double(SearchTrial.limit)
    let measured = Double(graph.shape.breadth) * wider.squareRoot()
    let breadth = max(Int(measured), SearchTrial.least, widest)
    guard graph.shape.visits > 0 else { return unmeasured(breadth) }
    return SearchPlan(
      breadth: breadth,
      visits: Int(Double(graph.shape.visits) * Double(breadth) / Double(graph.shape.breadth))
    )
  }

  /// The best rows that a beam of that breadth finds, and how many it looked at on its way; no rows when it would look at
  /// more than that, or found too few.
  func found(
    _ query: Query,
    in segment: Segment,
    limit: Int,
    mask: RowSet?,
    from starts: Starts,
    breadth: Int,
    mostVisits: Int
  ) -> (rows: [ScoredRow]?, visits: Int) {
    var gaveUp = false
    var visits = 0
    let rows = Segment.collect(limit) { rows, scores in
      var graph = graph
      var stored = segment.cRows
      func search(_ words: UnsafePointer<UInt64>?) -> Int {
        query.codes.withUnsafeBufferPointer { codes in
          starts.rows.withUnsafeBufferPointer {
            var starts = freshet_hnsw_starts(rows: $0.baseAddress, count: $0.count)
            return freshet_hnsw_search(
              &graph,
              &stored,
              &starts,
              query.kernel,
              codes.baseAddress,
              query.scale,
              breadth,
              mostVisits,
              words,
              limit,
              rows,
              scores,
              &visits
            )
          }
        }
      }
      let count = mask?.words.withUnsafeBufferPointer { search($0.baseAddress) } ?? search(nil)
      gaveUp = count < limit
      return max(count, 0)
    }
    return (gaveUp ? nil : rows, visits)
  }
}

extension Segment {
  /// The rows as the graph's functions take them.
  var cRows: freshet_hnsw_rows {
    freshet_hnsw_rows(codes: codes, scales: scales, stride: stride, count: count)
  }
}
