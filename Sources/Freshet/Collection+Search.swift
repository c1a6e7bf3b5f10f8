import FreshetIndex
import FreshetModel
import FreshetSearch
import FreshetSystem

extension Collection {
  /// The passages that answer a query best.
  ///
  /// - Parameters:
  ///   - query: words, "quoted phrases", identifiers.
  ///   - limit: hits wanted.
  ///   - filter: only documents that it matches, counted before the limit.
  public func search(_ query: String, limit: Int = 10, filter: Filter? = nil) async throws -> [SearchHit] {
    try await search(SearchRequest(query, limit: limit, filter: filter)).hits
  }

  /// Answers a search at one committed state, also while a sync is under way.
  ///
  /// The query is embedded only for the modes that need it; a hybrid search goes on with keywords alone when the embedder
  /// cannot be reached, and the answer's mode says so.
  /// - Throws: `FreshetError` with `invalid_argument`, `model_unavailable`, `model_mismatch`, `store_failed`;
  ///   `CancellationError`.
  public func search(_ request: SearchRequest) async throws -> SearchResponse {
    // The view first and the snapshot then: so the log leads from the one to the other.
    let view = request.mode == .keyword ? nil : try await loadedIndex()
    let vector = try await queryVector(request)
    let sources = try factory.sources()
    let settings = indexDirectory?.settings
    let (response, newest) = try await store.read(.everything) { snapshot in
      var advanced: IndexView?
      if vector != nil, let settings, let model = try snapshot.models().first(where: { $0.state == .serving }) {
        let feed = SnapshotFeed(snapshot, model: model)
        advanced =
          try view?.advanced(to: feed, settings: settings)
          ?? IndexDirectory(path: folder.index, settings: settings).open(feed, mode: .mapped)
      }
      let searcher = Searcher(snapshot, index: advanced?.index) { source, origin in
        sources.first { $0.name == source }?.uri(of: origin) ?? origin
      }
      return (try searcher.search(request, vector: vector), advanced)
    }
    if let newest { cachedIndex = newest }
    return response
  }

  /// The index as this process saw it last, or as its files hold it.
  private func loadedIndex() async throws -> IndexView? {
    if let cachedIndex { return cachedIndex }
    guard let indexDirectory else { return nil }
    return try await pool.run { indexDirectory.load(mode: .mapped) }
  }

  private func queryVector(_ request: SearchRequest) async throws -> [Float]? {
    guard request.mode != .keyword, let embedder = try await embedder() else { return nil }
    let serving = try await models().first { $0.state == .serving }
    guard let serving else { return nil }
    guard serving.description.fingerprint == embedder.model.fingerprint else {
      if request.mode == .hybrid { return nil }
      throw FreshetError(
        .modelMismatch,
        "the collection's vectors are of \(serving.description.name), the configuration names "
          + "\(embedder.model.name); sync to embed the collection with it"
      )
    }
    do {
      return Array(try await embedder.embed([request.query], for: .query)[0])
    } catch let error as FreshetError where request.mode == .hybrid && error.isTransient {
      return nil
    }
  }
}
