import FreshetModel

/// Searches one state of a collection: pure over a snapshot, an index that holds exactly that state, and the query's
/// vector.
///
/// - The filter is applied before hits are counted: a search gives `min(limit, passages that match)` hits, unless
///   `limitPerDocument` leaves out more.
/// - Vectors: the index's best 4 × limit are scored again with the stored vectors of the same snapshot.
/// - Hybrid: reciprocal rank fusion (Cormack, Clarke, Büttcher 2009) with k = 60; passages that hold the query's quoted
///   phrases and identifiers word for word stand above all others.
/// - Equal scores are ordered by the hashes of the passages' texts, and share a rank in the fusion: collections of the same
///   documents answer alike, whatever their histories.
/// - Identical passages are one hit; the places beside the first by source and origin are its `alsoIn`.
/// - Widened hits never repeat each other: a neighbour that another hit shows is left out.
///
/// Call it where blocking is allowed: stores and indexes may read files.
public struct Searcher {
  /// What a fused rank starts from.
  public static let fusionConstant = 60.0
  /// Candidates asked for at first, for each hit wanted.
  static let candidatesPerHit = 4
  /// The fewest candidates asked for at first: ranks are fused of lists at least so long.
  static let candidatesMin = 40
  /// Vectors that are read at once where there is no index.
  static let scanPage = 4_096

  let snapshot: any StoreSnapshot
  let index: (any VectorIndex)?
  let uri: (_ source: String, _ origin: String) throws -> String

  /// Takes the state to search.
  ///
  /// - Parameters:
  ///   - index: holds the snapshot's state; `nil` scans the stored vectors.
  ///   - uri: gives the address that reopens a document.
  public init(
    _ snapshot: any StoreSnapshot,
    index: (any VectorIndex)? = nil,
    uri: @escaping (_ source: String, _ origin: String) throws -> String
  ) {
    self.snapshot = snapshot
    self.index = index
    self.uri = uri
  }

  /// The best passages.
  ///
  /// - Parameter vector: the query's embedding by the serving model, of unit length. A hybrid search without one is a
  ///   keyword search, and its answer says so.
  /// - Throws: `FreshetError` with `model_mismatch` for a vector of another dimension, `model_unavailable` for a vector
  ///   search without a vector or without a serving model, what store and index throw; `CancellationError`.
  public func search(_ request: SearchRequest, vector: [Float]?) throws -> SearchResponse {
    let mode = request.mode == .hybrid && vector == nil ? SearchMode.keyword : request.mode
    var response = SearchResponse(query: request.query, mode: mode, sequence: snapshot.head.sequence, hits: [])
    let limit = min(max(request.limit, 0), SearchRequest.limitMax)
    let members = try request.filter.map { try snapshot.passages(matching: $0) }
    if limit == 0 || members?.count == 0 { return response }

    var ranking = Ranking(searcher: self, query: request.query, members: members)
    if mode != .keyword {
      guard let vector else {
        throw FreshetError(
          .modelUnavailable,
          "a search by vectors needs the query's embedding; configure an embedder or search by keyword"
        )
      }
      ranking.query = try vectorQuery(vector)
    }
    var count = max(limit * Self.candidatesPerHit, Self.candidatesMin)
    while true {
      try Task.checkCancellation()
      let ranked = try ranking.ranked(mode, count: count)
      let hits = try HitBuilder(searcher: self, request: request, limit: limit).hits(of: ranked.passages)
      if hits.count == limit || ranked.isComplete {
        response.hits = hits
        return response
      }
      count *= 4
    }
  }

  private func vectorQuery(_ vector: [Float]) throws -> Ranking.VectorQuery {
    guard let model = try snapshot.models().first(where: { $0.state == .serving }) else {
      throw FreshetError(.modelUnavailable, "no model serves this collection yet; run a sync with an embedder first")
    }
    guard model.description.dimension == vector.count else {
      throw FreshetError(
        .modelMismatch,
        "the query's vector has \(vector.count) components, those of the collection's model "
          + "'\(model.description.name)' have \(model.description.dimension); use the same model for both"
      )
    }
    return Ranking.VectorQuery(model: model.id, vector: vector)
  }
}
