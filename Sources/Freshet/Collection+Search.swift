import FreshetIndex
import FreshetModel
import FreshetSearch
import FreshetStore
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
  /// cannot be reached, and the answer's mode and warnings say so.
  ///
  /// With `asOf`, the answer is that of a collection that was brought in step at that moment, with the vectors of the model
  /// that serves now; the answer's sequence is the moment's.
  /// - Throws: `FreshetError` with `invalid_argument`, `model_unavailable`, `model_mismatch`, `store_failed`,
  ///   and for `asOf` as `sequence(of:at:)`; `CancellationError`.
  public func search(_ request: SearchRequest) async throws -> SearchResponse {
    // The view first and the snapshot then: so the log leads from the one to the other.
    let view = request.mode == .keyword ? nil : try await loadedIndex()
    let (vector, warning) = try await queryVector(request)
    let sources = try factory.sources()
    let settings = indexDirectory?.settings
    let now = SystemClock.now()
    let (answer, newest, slips) = try await store.read(.everything) { present in
      let snapshot = try request.asOf.map { try present.asOf($0.sequence(in: present, now: now)) } ?? present
      let isPast = snapshot.head.sequence != present.head.sequence
      var advanced: IndexView?
      var slips: [String] = []
      let model = try vector == nil ? nil : snapshot.models().first { $0.state == .serving }
      if let model, isPast {
        slips +=
          try Self.warning(aboutVectorsOf: snapshot, model: model, isVectorOnly: request.mode == .vector).map { [$0] }
          ?? []
      } else if let model, let settings {
        let feed = SnapshotFeed(snapshot, model: model)
        // A view that garbage was collected behind is read anew from the files, which a writer keeps in step.
        let known = try view.flatMap { try $0.leads(to: feed) ? $0 : nil }
        advanced =
          try known?.advanced(to: feed, settings: settings)
          ?? IndexDirectory(path: folder.index, settings: settings).open(feed, mode: .mapped)
      }
      let searcher = Searcher(snapshot, index: advanced?.index) { source, origin in
        sources.first { $0.name == source }?.uri(of: origin) ?? origin
      }
      slips += try request.filter.map { try Self.warnings(about: $0, snapshot) } ?? []
      return (try searcher.search(request, vector: vector), advanced, slips)
    }
    if let newest { cachedIndex = newest }
    var response = answer
    response.warnings = (warning.map { [$0] } ?? []) + slips
    return response
  }

  /// The index as this process saw it last, or as its files hold it.
  private func loadedIndex() async throws -> IndexView? {
    if let cachedIndex { return cachedIndex }
    guard let indexDirectory else { return nil }
    return try await pool.run { indexDirectory.load(mode: .mapped) }
  }

  /// The query's vector; `nil` when only words can be searched, with the reason when somebody has to know it.
  private func queryVector(_ request: SearchRequest) async throws -> (vector: [Float]?, warning: String?) {
    guard request.mode != .keyword, let embedder = try await embedder() else { return (nil, nil) }
    let wordsOnly = "only words were searched"
    guard let serving = try await models().first(where: { $0.state == .serving })?.description else {
      return (nil, "the collection has no vectors, so \(wordsOnly); `freshet sync` makes them")
    }
    guard serving.fingerprint == embedder.model.fingerprint else {
      let cause = Self.difference(serving, embedder.model)
      let remedy = "`freshet sync` embeds the collection with the configured model; or configure the other one again"
      guard request.mode == .hybrid else { throw FreshetError(.modelMismatch, "\(cause). \(remedy)") }
      return (nil, "\(cause), so \(wordsOnly). \(remedy)")
    }
    do {
      return (Array(try await embedder.embed([request.query], for: .query)[0]), nil)
    } catch let error as FreshetError where request.mode == .hybrid && error.isTransient {
      return (nil, "the embedder did not answer, so \(wordsOnly): \(error)")
    }
  }

  /// The two models by name and components, and by what else tells them apart when these are equal.
  private static func difference(_ serving: ModelDescription, _ configured: ModelDescription) -> String {
    func named(_ model: ModelDescription) -> String { "\(model.name) (\(model.dimension) components)" }
    let (left, right) = (named(serving), named(configured))
    let rest = left == right ? " of another revision, precision or prefix" : ""
    return "the collection's vectors are of \(left), the configuration names \(right)\(rest)"
  }
}
