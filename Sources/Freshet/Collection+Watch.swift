import FreshetModel
import FreshetSources

extension Collection {
  /// The sources that are folders, as they can be watched.
  ///
  /// - Throws: `FreshetError` when the configuration is not valid.
  public func directorySources() throws -> [DirectorySource] {
    try factory.sources().compactMap { $0 as? DirectorySource }
  }

  /// The names of sources that the collection has documents of, and that are not configured any more.
  ///
  /// - Throws: `FreshetError` when the store fails.
  public func departedSources() async throws -> [String] {
    let configured = Set(configuration.sources.map(\.name))
    return try await store.read(.everything) { try $0.sources() }.map(\.name).filter { !configured.contains($0) }
  }

  /// Whether it is open for writing, here or by the view that it was made from.
  public var isOpenForWriting: Bool { holdsLock }

  /// Makes what the configuration says of sources and chunks, to see that it can be made.
  ///
  /// - Throws: `FreshetError` with what is wrong.
  public func checkStages() throws {
    _ = try factory.sources()
    _ = try factory.chunker()
  }

  /// Whether documents were committed before their vectors: keywords find them, meaning does not yet.
  ///
  /// - Throws: `FreshetError` when the store fails.
  public func awaitsVectors() async throws -> Bool {
    guard configuration.embedder.provider != .none else { return false }
    return try await store.read(.everything) { try !$0.itemsAwaitingVectors().isEmpty }
  }

  /// An item of which a document failed because the embedder did not answer: to try whether it does.
  ///
  /// - Throws: `FreshetError` when the store fails.
  public func itemThatLacksItsEmbedder() async throws -> (source: String, path: [UInt8])? {
    let names = Set(configuration.sources.map(\.name))
    return try await failures().first { failure in
      names.contains(failure.source) && failure.error.isTransient
        && [.embedderFailed, .network, .modelUnavailable].contains(failure.error.code)
    }.map { ($0.source, $0.itemPath) }
  }
}
