import CSQLite
import FreshetModel

/// Counts a query's terms in texts that no index holds, as the keyword index counts them, one text after the other.
///
/// The tokens are compared as bytes where the tokenizer has them, so that a text costs little more than its tokens.
struct TermScan {
  /// A term's tokens, by their places among the patterns.
  private enum Shape {
    /// One token, or the beginning of one.
    case single(Int)
    /// Tokens that follow each other.
    case phrase([Int])
  }

  private var shapes: [Shape] = []
  private var counter: TokenCounter

  init(_ terms: [KeywordQuery.Term]) {
    var patterns: [TokenCounter.Pattern] = []
    func place(_ text: String, isPrefix: Bool = false, keepsPlaces: Bool = false) -> Int {
      patterns.append(
        TokenCounter.Pattern(bytes: Array(text.utf8), isPrefix: isPrefix, keepsPlaces: keepsPlaces)
      )
      return patterns.count - 1
    }
    for term in terms {
      switch term {
      case .word(let word): shapes.append(.single(place(word)))
      case .prefix(let prefix): shapes.append(.single(place(prefix, isPrefix: true)))
      case .phrase(let words): shapes.append(.phrase(words.map { place($0, keepsPlaces: true) }))
      }
    }
    counter = TokenCounter(patterns)
  }

  /// Counts in a passage.
  ///
  /// - Parameters:
  ///   - heading: the stored form of the heading path.
  ///   - weights: each term's occurrences by their weights, in the order of the terms; its elements are overwritten.
  /// - Returns: the passage's length in tokens.
  mutating func count(
    heading: UnsafeRawBufferPointer,
    body: UnsafeRawBufferPointer,
    weights: inout [Int]
  ) -> Int {
    for index in weights.indices { weights[index] = 0 }
    var length = 0
    for (text, weight) in [(heading, BM25.headingWeight), (body, 1)] {
      length += counter.read(text)
      for (index, shape) in shapes.enumerated() {
        switch shape {
        case .single(let pattern): weights[index] += weight * counter.counts[pattern]
        case .phrase(let patterns): weights[index] += weight * phrases(patterns)
        }
      }
    }
    return length
  }

  private func phrases(_ patterns: [Int]) -> Int {
    guard let first = patterns.first else { return 0 }
    return counter.places[first].count { start in
      patterns.indices.allSatisfy { counter.places[patterns[$0]].contains(start + $0) }
    }
  }
}

/// Counts given tokens among the tokens of a text.
struct TokenCounter {
  struct Pattern {
    var bytes: [UInt8]
    /// Whether tokens that start with it count.
    var isPrefix: Bool
    /// Whether the places are asked for.
    var keepsPlaces: Bool
  }

  private let patterns: [Pattern]
  /// The patterns by their first byte.
  private var byFirstByte: [[Int]]
  private(set) var counts: [Int]
  private(set) var places: [[Int]]
  private var position = -1

  init(_ patterns: [Pattern]) {
    self.patterns = patterns
    byFirstByte = Array(repeating: [], count: 256)
    for (index, pattern) in patterns.enumerated() {
      if let first = pattern.bytes.first { byFirstByte[Int(first)].append(index) }
    }
    counts = Array(repeating: 0, count: patterns.count)
    places = Array(repeating: [], count: patterns.count)
  }

  /// Counts in a text of valid UTF-8; answers how many places its tokens take.
  mutating func read(_ text: UnsafeRawBufferPointer) -> Int {
    position = -1
    for index in patterns.indices {
      counts[index] = 0
      if !places[index].isEmpty { places[index].removeAll(keepingCapacity: true) }
    }
    guard let count = Int32(exactly: text.count), count > 0 else { return 0 }
    withUnsafeMutablePointer(to: &self) { counter in
      _ = freshet_tokenize(
        text.baseAddress?.assumingMemoryBound(to: CChar.self),
        count,
        Int32(FRESHET_TOKENIZE_DOCUMENT),
        counter
      ) { context, isColocated, token, count, _, _ in
        guard let context, let token else { return 1 }
        context.assumingMemoryBound(to: TokenCounter.self).pointee.receive(
          UnsafeRawBufferPointer(start: token, count: Int(count)),
          isColocated: isColocated != 0
        )
        return 0
      }
    }
    return position + 1
  }

  private mutating func receive(_ token: UnsafeRawBufferPointer, isColocated: Bool) {
    if !isColocated { position += 1 }
    guard let first = token.first else { return }
    for index in byFirstByte[Int(first)] where matches(index, token) {
      counts[index] += 1
      if patterns[index].keepsPlaces { places[index].append(position) }
    }
  }

  private func matches(_ index: Int, _ token: UnsafeRawBufferPointer) -> Bool {
    let bytes = patterns[index].bytes
    guard patterns[index].isPrefix ? token.count >= bytes.count : token.count == bytes.count else { return false }
    for place in bytes.indices where token[place] != bytes[place] { return false }
    return true
  }
}
