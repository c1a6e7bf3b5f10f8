/// How a collection's index is built and kept.
public struct IndexSettings: Sendable, Hashable {
  /// `index.backend`: the raw values appear in the configuration.
  public enum Choice: String, Sendable, CaseIterable {
    /// Exact up to `exactLimit` vectors, a graph above.
    case auto, exact, hnsw, faiss
  }

  /// What searches use.
  public var backend = Choice.auto
  /// `index.exact_limit`: the vectors up to which `auto` scans them all.
  public var exactLimit = 200_000
  /// `index.rebuild_threshold`: the share of the vectors at the last build that may be added or removed before the index
  /// is built anew.
  public var rebuildThreshold = 0.2
  /// The delta files that may stand above a base before they are merged into one.
  public var maximumDeltaFiles = 32
  /// How graphs and FAISS indexes are built.
  public var parameters = IndexParameters()

  /// Takes the defaults.
  public init() {}

  /// The backend for so many vectors.
  public func backend(for count: Int) -> IndexBackend {
    switch backend {
    case .auto: count <= exactLimit ? .exact : .hnsw
    case .exact: .exact
    case .hnsw: .hnsw
    case .faiss: .faiss
    }
  }
}
