import FreshetConfiguration
import FreshetModel

/// Opens the collection that a configuration describes, and closes it when the body ends, also by an error.
///
/// ```swift
/// let hits = try await withCollection(try ConfigurationLoader().load("freshet.yaml")) { collection in
///   try await collection.sync()
///   return try await collection.search("how do I rotate keys", limit: 5)
/// }
/// ```
///
/// - Returns: what the body returns.
/// - Throws: as `Collection.open(_:for:embedder:environment:)`, and what the body throws.
public func withCollection<Result>(
  _ configuration: Configuration,
  for access: Collection.Access = .writing(),
  embedder: (any Embedder)? = nil,
  isolation: isolated (any Actor)? = #isolation,
  _ body: (Collection) async throws -> sending Result
) async throws -> sending Result {
  try await closing(try await Collection.open(configuration, for: access, embedder: embedder), body)
}

/// Opens the collection in a folder, and closes it when the body ends, also by an error.
///
/// - Parameters:
///   - path: the collection's folder; see `Collection.open(at:sources:for:embedder:)`.
///   - sources: where the documents come from.
/// - Returns: what the body returns.
/// - Throws: as `Collection.open(at:sources:for:embedder:)`, and what the body throws.
public func withCollection<Result>(
  at path: String,
  sources: [SourceConfiguration] = [],
  for access: Collection.Access = .writing(),
  embedder: (any Embedder)? = nil,
  isolation: isolated (any Actor)? = #isolation,
  _ body: (Collection) async throws -> sending Result
) async throws -> sending Result {
  try await closing(try await Collection.open(at: path, sources: sources, for: access, embedder: embedder), body)
}

private func closing<Result>(
  _ collection: Collection,
  isolation: isolated (any Actor)? = #isolation,
  _ body: (Collection) async throws -> sending Result
) async throws -> sending Result {
  do {
    let result = try await body(collection)
    await collection.close()
    return result
  } catch {
    await collection.close()
    throw error
  }
}
