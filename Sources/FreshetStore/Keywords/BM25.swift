#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How well a passage matches words: Okapi BM25 (Robertson, Walker 1994) as FTS5's `bm25` computes it, with the same
/// parameters, over headings, which count twice, and bodies.
struct BM25 {
  /// How soon more occurrences of a word stop counting.
  static let saturation = 1.2
  /// How much longer passages are held back, 0 to 1.
  static let lengthShare = 0.75
  /// What an occurrence in a heading counts; one in a body counts 1.
  static let headingWeight = 2
  /// The rarity of words that most passages hold.
  static let rarityMin = 1e-6

  /// Live passages.
  let passages: Int
  private let base: Double
  private let perToken: Double

  /// - Parameter tokens: the tokens of all live passages together.
  init(passages: Int, tokens: Int) {
    self.passages = passages
    let mean = max(1, Double(tokens) / Double(max(1, passages)))
    base = Self.saturation * (1 - Self.lengthShare)
    perToken = Self.saturation * Self.lengthShare / mean
  }

  /// The inverse document frequency of a word that so many passages hold.
  func rarity(holding: Int) -> Double {
    max(Self.rarityMin, log((Double(passages - holding) + 0.5) / (Double(holding) + 0.5)))
  }

  /// What a word's occurrences add to a passage's score.
  /// - Parameters:
  ///   - weight: occurrences, each by its weight.
  ///   - length: the passage's tokens.
  @inline(__always)
  func score(rarity: Double, weight: Int, length: Int) -> Float {
    let weight = Double(weight)
    return Float(rarity * weight * (Self.saturation + 1) / (weight + base + perToken * Double(length)))
  }
}
