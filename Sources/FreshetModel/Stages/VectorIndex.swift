/// Up to where a derived thing (index file, target, consumer) holds what the log says.
public struct IndexPosition: Hashable, Sendable {
  /// The collection that it follows.
  public var collection: CollectionID
  /// The collection's epoch.
  public var epoch: CollectionID
  /// The last change applied.
  public var sequence: SequenceNumber
  /// The chain's value after that change.
  public var chain: ContentHash
  /// The fingerprint of the model whose vectors it holds.
  public var model: String

  /// Describes a position.
  public init(
    collection: CollectionID,
    epoch: CollectionID,
    sequence: SequenceNumber,
    chain: ContentHash,
    model: String
  ) {
    self.collection = collection
    self.epoch = epoch
    self.sequence = sequence
    self.chain = chain
    self.model = model
  }
}

/// Stored vectors of several passages.
public struct VectorPage: Sendable {
  /// The passages, in ascending order unless said otherwise.
  public var passages: [PassageID]
  /// Components of a vector.
  public var dimension: Int
  /// `count × dimension` IEEE 754 half-precision bit patterns, one vector after the other, each of unit length.
  public var halves: [UInt16]

  /// Takes the vectors.
  public init(passages: [PassageID], dimension: Int, halves: [UInt16]) {
    self.passages = passages
    self.dimension = dimension
    self.halves = halves
  }

  /// How many vectors there are.
  public var count: Int { passages.count }
}

/// A passage with its score; higher is better.
public struct ScoredPassage: Hashable, Sendable {
  /// The passage.
  public var passage: PassageID
  /// Cosine similarity for vectors, BM25 (negated, so that higher is better) for keywords.
  public var score: Float

  /// Pairs a passage with its score.
  public init(passage: PassageID, score: Float) {
    self.passage = passage
    self.score = score
  }
}

/// A set of passages as a bitmap.
public struct PassageSet: Sendable, Hashable {
  /// Bit `id % 64` of word `id / 64`.
  public private(set) var words: [UInt64]
  /// How many passages it holds.
  public private(set) var count: Int

  /// Makes an empty set.
  public init() {
    words = []
    count = 0
  }

  /// Makes a set of the passages; negative numbers are left out.
  public init(_ passages: some Sequence<PassageID>) {
    self.init()
    for passage in passages { insert(passage) }
  }

  /// Adds a passage.
  public mutating func insert(_ passage: PassageID) {
    guard passage >= 0 else { return }
    let index = Int(passage / 64)
    if index >= words.count { words.append(contentsOf: repeatElement(0, count: index + 1 - words.count)) }
    let bit = UInt64(1) << UInt64(passage % 64)
    if words[index] & bit == 0 {
      words[index] |= bit
      count += 1
    }
  }

  /// Whether the passage is in the set.
  public func contains(_ passage: PassageID) -> Bool {
    guard passage >= 0 else { return false }
    let index = Int(passage / 64)
    return index < words.count && words[index] & (UInt64(1) << UInt64(passage % 64)) != 0
  }

  /// Adds every passage of the other set.
  public mutating func formUnion(_ other: PassageSet) {
    if other.words.count > words.count {
      words.append(contentsOf: repeatElement(0, count: other.words.count - words.count))
    }
    for index in other.words.indices { words[index] |= other.words[index] }
    recount()
  }

  /// Keeps the passages that are in the other set too.
  public mutating func formIntersection(_ other: PassageSet) {
    for index in words.indices { words[index] &= index < other.words.count ? other.words[index] : 0 }
    recount()
  }

  /// The passages that are not in the other set.
  public func subtracting(_ other: PassageSet) -> PassageSet {
    var result = self
    for index in result.words.indices where index < other.words.count { result.words[index] &= ~other.words[index] }
    result.recount()
    return result
  }

  /// The passages in ascending order.
  public var members: [PassageID] {
    var members: [PassageID] = []
    members.reserveCapacity(count)
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        members.append(PassageID(index * 64 + rest.trailingZeroBitCount))
        rest &= rest - 1
      }
    }
    return members
  }

  /// Equal sets have equal words: no zeros at the end.
  private mutating func recount() {
    while words.last == 0 { words.removeLast() }
    count = words.reduce(0) { $0 + $1.nonzeroBitCount }
  }
}

/// Finds the vectors nearest to a query. Cosine on unit vectors; scores may be approximate (the search scores the best
/// again with the stored vectors).
///
/// Searches may run concurrently with each other and with one writer.
public protocol VectorIndex: AnyObject, Sendable {
  /// The backend's name: `exact`, `hnsw`, `faiss`.
  var backend: String { get }
  /// Components of a vector.
  var dimension: Int { get }
  /// Vectors that a search can find.
  var count: Int { get }

  /// Adds vectors; a passage that is there already gets the new one.
  /// - Throws: `FreshetError` with `model_mismatch` for another dimension, `index_failed` otherwise.
  func add(_ page: VectorPage) throws

  /// Removes passages; those that are not there are ignored.
  func remove(_ passages: [PassageID]) throws

  /// The nearest passages, best first, at most `limit`: exactly `min(limit, members that are indexed)` when `members`
  /// is given, else `min(limit, count)`.
  func search(_ query: [Float], limit: Int, members: PassageSet?) throws -> [ScoredPassage]

  /// Writes the whole index to a new file, durably, and names the position that it holds.
  func write(to path: String, position: IndexPosition) throws
}
