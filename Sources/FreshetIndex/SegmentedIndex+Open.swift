import FreshetModel

extension SegmentedIndex {
  /// Opens a file that `write` made, of any backend.
  /// - Throws: `FreshetError` with `index_failed` when it is damaged or of another version; `not_found`, `unreadable` or
  ///   `input_output` when it cannot be read.
  public static func open(
    _ path: String,
    mode: IndexOpenMode,
    parameters: IndexParameters = IndexParameters()
  ) throws -> (index: SegmentedIndex, position: IndexPosition) {
    let image = try IndexFile.Image(path: path, mode: mode)
    guard image.role == .base else { throw IndexFile.Image.damaged("it is not a whole index", path) }
    var layers = LayerStack()
    layers.push(try base(in: image, parameters))
    let index = SegmentedIndex(image.backend, dimension: image.dimension, parameters: parameters, layers: layers)
    return (index, image.position)
  }

  /// The base that a file holds.
  static func base(in image: IndexFile.Image, _ parameters: IndexParameters) throws -> Layer {
    let segment = try image.segment()
    switch image.backend {
    case .exact: return Layer(segment, isBase: true)
    case .hnsw:
      guard let graph = Graph(image: image, segment: segment, parameters: parameters.graph) else {
        throw IndexFile.Image.damaged("its graph does not fit its vectors", image.path)
      }
      return Layer(segment, accelerator: graph, isBase: true)
    case .faiss:
      return Layer(segment, accelerator: try FAISSIndex(image: image, parameters: parameters.faiss), isBase: true)
    }
  }
}
