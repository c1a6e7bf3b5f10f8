import FreshetModel
import Synchronization

/// What finds the nearest vectors; the raw values appear in the configuration and in JSON.
public enum IndexBackend: String, Sendable, CaseIterable {
  /// A scan of all codes.
  case exact
  /// A graph built by hnswlib over the codes.
  case hnsw
  /// A FAISS index, when its library is installed.
  case faiss
}

/// The vector index of every backend: an immutable base, and layers of later additions and removals above it.
///
/// Vectors are kept as 8-bit codes; the base may have a graph or a FAISS index that finds its best rows faster. What was
/// added later is scanned, removed rows are marks. So adding costs the same whatever the backend, and a base can be
/// mapped read-only and shared by processes. Writing a new file folds everything into a new base.
///
/// Thread safety: a search works on the immutable layers that it found when it began, without a lock; a writer prepares
/// new layers and exchanges them in one step. So a search sees all of an `add` or nothing of it.
public final class SegmentedIndex: VectorIndex {
  public let dimension: Int
  /// What the base is searched with, and what `write` builds.
  public let kind: IndexBackend
  /// How graphs and FAISS indexes are built.
  public let parameters: IndexParameters
  let state: Mutex<LayerStack>
  /// Held by a writer for as long as it prepares new layers.
  private let writing = Mutex(())

  public var backend: String { kind.rawValue }
  public var count: Int { layers.count }

  /// Makes an empty index.
  public convenience init(_ kind: IndexBackend, dimension: Int, parameters: IndexParameters = IndexParameters()) {
    self.init(kind, dimension: dimension, parameters: parameters, layers: LayerStack())
  }

  init(_ kind: IndexBackend, dimension: Int, parameters: IndexParameters, layers: LayerStack) {
    self.kind = kind
    self.dimension = dimension
    self.parameters = parameters
    state = Mutex(layers)
  }

  /// The layers as they are now.
  var layers: LayerStack { state.withLock { $0 } }

  /// Another index with the same vectors: later changes of either do not show in the other. Costs next to nothing.
  public func fork() -> SegmentedIndex {
    SegmentedIndex(kind, dimension: dimension, parameters: parameters, layers: layers)
  }

  /// Whether a search can find the passage.
  public func contains(_ passage: PassageID) -> Bool {
    layers.contains(passage)
  }

  public func add(_ page: VectorPage) throws {
    var builder = SegmentBuilder(dimension: dimension, keepsHalves: keepsHalves, capacity: page.count)
    try builder.append(page)
    let layer = Layer(builder.finish(), isBase: false)
    try change { layers in
      layers.push(layer)
      try layers.mergeSmallLayers(keepsHalves: keepsHalves)
    }
  }

  public func remove(_ passages: [PassageID]) throws {
    try change { layers in
      for passage in passages { layers.remove(passage) }
      try layers.mergeSmallLayers(keepsHalves: keepsHalves)
    }
  }

  /// Replaces the layers by what the body makes of them; searches go on with the old ones meanwhile.
  func change(_ body: (inout LayerStack) throws -> Void) rethrows {
    try writing.withLock { _ in
      var layers = layers
      try body(&layers)
      state.withLock { $0 = layers }
    }
  }

  /// - Throws: `FreshetError` with `model_mismatch` for a query of another dimension; `invalid_argument` for one with a
  ///   component that is not a finite number; `index_failed` when FAISS fails.
  public func search(_ query: [Float], limit: Int, members: PassageSet?) throws -> [ScoredPassage] {
    try layers.search(Query(query, dimension: dimension), limit: limit, members: members)
  }

  /// FAISS is built from the vectors themselves, so they are kept beside the codes.
  private var keepsHalves: Bool { kind == .faiss }

  /// Replaces `path` by a file with every vector of this moment, in one step and durably. Builds a graph or FAISS index
  /// anew when something was added or removed since the base was built.
  /// - Throws: `FreshetError` with `disk_full`, `input_output` or `index_failed`.
  public func write(to path: String, position: IndexPosition) throws {
    let layers = layers
    if layers.isPristineBase, let base = layers.layers.first {
      try IndexFile.write(base, backend: kind, position: position, to: path)
    } else {
      let segment = try layers.merged(keepsHalves: keepsHalves, dimension: dimension)
      let base = try Self.base(of: segment, kind, parameters)
      try IndexFile.write(base, backend: kind, position: position, to: path)
    }
  }

  /// Builds what the backend needs above a segment.
  static func base(of segment: Segment, _ kind: IndexBackend, _ parameters: IndexParameters) throws -> Layer {
    switch kind {
    case .exact: Layer(segment, isBase: true)
    case .hnsw: Layer(segment, accelerator: try Graph.build(over: segment, parameters.graph), isBase: true)
    case .faiss: Layer(segment, accelerator: try FAISSIndex.build(over: segment, parameters.faiss), isBase: true)
    }
  }
}

/// How graphs and FAISS indexes are built and searched.
public struct IndexParameters: Sendable, Hashable {
  /// The graph of the `hnsw` backend.
  public var graph = GraphParameters()
  /// The index of the `faiss` backend.
  public var faiss = FAISSParameters()

  /// Takes the defaults.
  public init() {}
}
