import FreshetModel

/// How passages are found; the raw values are configuration and appear in JSON.
public enum SearchMode: String, Sendable, CaseIterable {
  /// By the similarity of vectors.
  case vector
  /// By words (BM25).
  case keyword
  /// By both, fused by rank.
  case hybrid
}

/// What is searched for.
public struct SearchRequest: Hashable, Sendable {
  /// The most hits that can be asked for.
  public static let limitMax = 1_000
  /// The most neighbours on each side that a hit can be widened by.
  public static let neighboursMax = 20

  /// Words, "quoted phrases", identifiers.
  public var query: String
  /// How passages are found.
  public var mode: SearchMode
  /// Hits wanted; taken into 0…`limitMax`.
  public var limit: Int
  /// Only passages of documents that it matches.
  public var filter: Filter?
  /// Chunks on each side that a hit's text is widened by; taken into 0…`neighboursMax`.
  public var neighbours: Int
  /// The most hits of one document; `nil` for no limit.
  public var limitPerDocument: Int?
  /// The moment whose state is searched; `nil` for the present. Whoever chooses the snapshot follows it: the collection.
  public var asOf: Moment?

  /// Describes a search.
  public init(
    _ query: String,
    mode: SearchMode = .hybrid,
    limit: Int = 10,
    filter: Filter? = nil,
    neighbours: Int = 0,
    limitPerDocument: Int? = nil,
    asOf: Moment? = nil
  ) {
    self.query = query
    self.mode = mode
    self.limit = limit
    self.filter = filter
    self.neighbours = neighbours
    self.limitPerDocument = limitPerDocument
    self.asOf = asOf
  }
}
