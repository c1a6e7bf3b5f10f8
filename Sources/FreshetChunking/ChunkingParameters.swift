import FreshetModel

/// How large chunks become.
public struct ChunkingParameters: Hashable, Sendable {
  /// What sizes are counted in; the raw values are configuration.
  public enum Unit: String, Sendable, CaseIterable {
    /// Estimated tokens (`SizeEstimate`), the same for every model.
    case tokens
    /// Unicode scalars, white space aside.
    case characters
  }

  /// The least `soft` that leaves room for a heading path, a table's header and a word.
  public static let smallestSoft = 64
  /// The greatest `hard`: a chunk is one text for one vector.
  public static let greatestHard = 1 << 20

  /// The size above which a text is cut.
  public let soft: Int
  /// The size below which a piece is merged with a neighbour.
  public let min: Int
  /// The size that no embedded text (heading path and body) exceeds.
  public let hard: Int
  /// What the sizes are counted in.
  public let unit: Unit
  /// How far a body reaches back into the chunk before it; 0 for not at all.
  public let overlap: Int

  /// 190, 60 and 256 tokens without overlap: fits models that read 256 tokens.
  public static let standard = ChunkingParameters(trusted: 190, 60, 256, .tokens, 0)

  private init(trusted soft: Int, _ min: Int, _ hard: Int, _ unit: Unit, _ overlap: Int) {
    self.soft = soft
    self.min = min
    self.hard = hard
    self.unit = unit
    self.overlap = overlap
  }

  /// Takes the sizes of a configuration.
  /// - Throws: `FreshetError` with `invalid_configuration` unless `64 ≤ soft ≤ hard ≤ 1,048,576`, `0 ≤ min ≤ soft / 2`
  ///   and `0 ≤ overlap ≤ soft / 2`.
  public init(soft: Int, min: Int, hard: Int, unit: Unit = .tokens, overlap: Int = 0) throws(FreshetError) {
    func refuse(_ sentence: String) -> FreshetError { FreshetError(.invalidConfiguration, sentence) }
    guard soft >= Self.smallestSoft else {
      throw refuse("chunk.soft is \(soft); it must be at least \(Self.smallestSoft)")
    }
    guard hard >= soft, hard <= Self.greatestHard else {
      throw refuse("chunk.hard is \(hard); it must be from chunk.soft (\(soft)) to \(Self.greatestHard)")
    }
    guard min >= 0, min <= soft / 2 else {
      throw refuse("chunk.min is \(min); it must be from 0 to half of chunk.soft (\(soft / 2))")
    }
    guard overlap >= 0, overlap <= soft / 2 else {
      throw refuse("chunk.overlap is \(overlap); it must be from 0 to half of chunk.soft (\(soft / 2))")
    }
    self.init(trusted: soft, min, hard, unit, overlap)
  }
}

/// The sizes that the algorithm works with, in parts of a unit (`SizeEstimate.scale`).
///
/// A heading path takes at most `path`, a repeated table header at most `tableHeader`. Pieces are at most
/// `soft ≤ hard - path`, so that a path and a piece together never exceed `hard`.
struct ChunkingLimits: Sendable {
  let soft: Int
  let min: Int
  let hard: Int
  let path: Int
  let tableHeader: Int
  let overlap: Int

  init(_ parameters: ChunkingParameters) {
    let scale = SizeEstimate.scale
    let hard = parameters.hard * scale
    let path = Swift.min(
      Swift.max(hard - parameters.soft * scale, hard / 4),
      parameters.soft * scale / 3
    )
    self.hard = hard
    self.path = path
    soft = Swift.min(parameters.soft * scale, hard - path)
    min = parameters.min * scale
    tableHeader = soft / 4
    overlap = parameters.overlap * scale
  }
}
