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

  private let graph: freshet_hnsw_graph
  private let rows: Int
  private let parameters: GraphParameters
  private let owners: [AnyObject]

  private init(_ graph: freshet_hnsw_graph, rows: Int, _ parameters: GraphParameters, owners: [AnyObject]) {
    self.graph = graph
    self.rows = rows
    self.parameters = parameters
    self.owners = owners
  }

  /// Builds the graph, and measures how wide its searches have to be; with one thread the same rows give the same graph.
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
    func insert(_ order: [UInt32]) throws {
      let threads = UInt32(clamping: max(1, parameters.threads))
      for start in stride(from: 0, to: order.count, by: insertionsBetweenChecks) {
        try Task.checkCancellation()
        let places = order[start..<min(start + insertionsBetweenChecks, order.count)]
        let isInserted = places.withUnsafeBufferPointer {
          freshet_hnsw_builder_insert(builder, $0.baseAddress, $0.count, threads, &message.bytes, message.bytes.count)
        }
        guard isInserted else { throw failure() }
      }
    }
    let trial = BreadthTrial(rows: segment.count)
    try insert(trial.others)
    let breadth = try trial.breadth(of: Graph(flattening: builder, rows: segment.count, parameters), in: segment)
    try insert(trial.queries)
    return Graph(flattening: builder, rows: segment.count, parameters, breadth: breadth)
  }

  /// Copies what a builder has linked so far.
  private convenience init(
    flattening builder: OpaquePointer,
    rows: Int,
    _ parameters: GraphParameters,
    breadth: Int = 0
  ) {
    var lists = 0
    var shape = freshet_hnsw_builder_shape(builder, &lists)
    shape.breadth = UInt32(clamping: breadth)
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
  init?(image: IndexFile.Image, segment: Segment, parameters: GraphParameters) {
    guard let head = image.section(.graphShape), head.count == MemoryLayout<freshet_hnsw_shape>.size + 8,
      let ground = image.section(.graphGround), let starts = image.section(.graphStarts),
      let upper = image.section(.graphUpper)
    else { return nil }
    let shape = head.loadUnaligned(as: freshet_hnsw_shape.self)
    let lists = head.loadUnaligned(fromByteOffset: MemoryLayout<freshet_hnsw_shape>.size, as: UInt64.self)
    guard (1...GraphParameters.maximumConnections).contains(Int(shape.connections)), lists <= UInt64(UInt32.max),
      shape.entry < max(segment.count, 1)
    else { return nil }
    let layout = Layout(rows: segment.count, lists: Int(lists), connections: Int(shape.connections))
    guard ground.count == layout.groundBytes, starts.count == layout.startsBytes, upper.count == layout.upperBytes,
      let groundStart = ground.baseAddress, let startsStart = starts.baseAddress, let upperStart = upper.baseAddress
    else { return nil }
    graph = freshet_hnsw_graph(
      shape: shape,
      ground: groundStart.assumingMemoryBound(to: UInt32.self),
      starts: startsStart.assumingMemoryBound(to: UInt32.self),
      upper: upperStart.assumingMemoryBound(to: UInt32.self),
      upper_lists: Int(lists)
    )
    rows = segment.count
    self.parameters = parameters
    owners = [image]
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
    var head: [UInt8] = []
    withUnsafeBytes(of: graph.shape) { head.append(contentsOf: $0) }
    withUnsafeBytes(of: UInt64(graph.upper_lists).littleEndian) { head.append(contentsOf: $0) }
    return [
      IndexFile.Section(.graphShape, copying: head),
      IndexFile.Section(.graphGround, UnsafeRawBufferPointer(start: graph.ground, count: layout.groundBytes)),
      IndexFile.Section(.graphStarts, UnsafeRawBufferPointer(start: graph.starts, count: layout.startsBytes)),
      IndexFile.Section(.graphUpper, UnsafeRawBufferPointer(start: graph.upper, count: layout.upperBytes)),
    ]
  }

  /// The beam that a search for so many rows has.
  private func breadth(limit: Int) -> Int {
    // Measured for `BreadthTrial.limit` rows, of which the best count.
    let wider = Double(max(limit, BreadthTrial.limit)) / Double(BreadthTrial.limit)
    let measured = Double(graph.shape.breadth) * wider.squareRoot()
    return max(parameters.searchBreadth ?? max(Int(measured), BreadthTrial.least), limit * parameters.breadthPerResult)
  }

  func search(_ query: Query, in segment: Segment, limit: Int, mask: RowSet?, matches: Int) -> [ScoredRow]? {
    let breadth = breadth(limit: limit)
    // A beam of `breadth` looks at about 20 rows for each place of the beam and each row that the mask lets through, at
    // random, which costs about eight times as much as a row of a scan (140 against 18 ns among a million): scan where
    // that is less.
    let visits = Double(breadth) * 20 * Double(rows) / Double(max(matches, 1))
    guard visits * 8 < Double(matches) else { return nil }
    return found(query, in: segment, limit: limit, mask: mask, breadth: breadth, mostVisits: matches)
  }

  /// The best rows that a beam of that breadth finds; `nil` when it would look at more rows than that, or found too few.
  func found(
    _ query: Query,
    in segment: Segment,
    limit: Int,
    mask: RowSet?,
    breadth: Int,
    mostVisits: Int
  ) -> [ScoredRow]? {
    var gaveUp = false
    let rows = Segment.collect(limit) { rows, scores in
      var graph = graph
      var stored = segment.cRows
      let count = query.codes.withUnsafeBufferPointer { codes in
        guard let mask else {
          return freshet_hnsw_search(
            &graph,
            &stored,
            query.kernel,
            codes.baseAddress,
            query.scale,
            breadth,
            mostVisits,
            nil,
            limit,
            rows,
            scores
          )
        }
        return mask.words.withUnsafeBufferPointer {
          freshet_hnsw_search(
            &graph,
            &stored,
            query.kernel,
            codes.baseAddress,
            query.scale,
            breadth,
            mostVisits,
            $0.baseAddress,
            limit,
            rows,
            scores
          )
        }
      }
      gaveUp = count < limit
      return max(count, 0)
    }
    return gaveUp ? nil : rows
  }
}

extension Segment {
  /// The rows as the graph's functions take them.
  var cRows: freshet_hnsw_rows {
    freshet_hnsw_rows(codes: codes, scales: scales, stride: stride, count: count)
  }
}
