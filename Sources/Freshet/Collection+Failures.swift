import FreshetModel
import FreshetSync
import FreshetSystem

extension Collection {
  /// The failures of documents, named by origin, `source:origin`, a path of a file (with all that it holds), a URI, or the
  /// start of a document's identity; all failures when no name is given.
  ///
  /// - Throws: `FreshetError` with `not_found` for a name that no failure has.
  public func failures(of names: [String], source: String? = nil) async throws -> [FailureRecord] {
    let failures = try await failures(source: source)
    guard !names.isEmpty else { return failures }
    let roots = try factory.sources().map { SourceRoot($0) }
    var found: [FailureRecord] = []
    for name in names {
      let spellings = PathSpelling.all(of: try absolutePath(name))
      var fitting = failures.filter { Self.isNamed($0, name, spellings, roots) }
      if fitting.isEmpty, let document = try? await document(name) {
        fitting = failures.filter { $0.source == document.sourceName && $0.origin == document.origin }
      }
      guard !fitting.isEmpty else {
        throw FreshetError(.notFound, "no failure is on record for it; `freshet failures` lists them", path: name)
      }
      found += fitting.filter { !found.contains($0) }
    }
    return found
  }

  private static func isNamed(
    _ failure: FailureRecord,
    _ name: String,
    _ spellings: [[UInt8]],
    _ roots: [SourceRoot]
  ) -> Bool {
    if failure.origin == name || "\(failure.source):\(failure.origin)" == name { return true }
    guard let root = roots.first(where: { $0.source.name == failure.source }) else { return false }
    return root.source.uri(of: failure.origin) == name
      || spellings.contains { root.path(of: $0) == failure.itemPath }
  }

  /// Reads the failed documents again, and embeds what a model refused; nothing else is looked at.
  ///
  /// - Throws: as `sync`.
  @discardableResult
  public func retry(
    _ failures: [FailureRecord],
    stop: StopSignal = StopSignal(),
    handler: @escaping @Sendable (SyncEvent) -> Void = { _ in }
  ) async throws -> SyncReport {
    try await sync(SyncRequest(retrying: failures), stop: stop, handler: handler)
  }

  /// Takes failures off the record: the next sync tries these documents as if it saw them for the first time.
  ///
  /// Those stay whose file was set aside (`failures.folder`): the record is what keeps their document, and what `retry` moves
  /// the file back by.
  ///
  /// - Returns: the files that were set aside, with where they are.
  /// - Throws: `FreshetError` when the collection was opened for reading, a source cannot be looked at, or the store fails;
  ///   nothing is off the record then.
  @discardableResult
  public func clear(_ failures: [FailureRecord]) async throws -> [SetAsideFile] {
    guard !failures.isEmpty else { return [] }
    let kept = try await setAside(among: failures)
    let cleared = Set(failures).subtracting(kept.map(\.failure))
    try await store.write { try Quarantine.clear(failures.filter { cleared.contains($0) }, $0) }
    return kept.map { SetAsideFile(source: $0.failure.source, origin: $0.failure.origin, place: $0.place) }
  }
}

extension SyncRequest {
  /// Asks for the items of these failures alone, which must be some.
  public init(retrying failures: [FailureRecord]) {
    self.init()
    retriesFailures = true
    items = Dictionary(grouping: failures, by: \.source).mapValues { failures in
      Set(failures.map(\.itemPath)).sorted { $0.lexicographicallyPrecedes($1) }
    }
  }
}
