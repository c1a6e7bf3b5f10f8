import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Vectors for tests of an index.
public enum VectorSamples {
  /// Unit vectors in clusters, as embeddings of texts about a few subjects: a tenth as many centres as vectors, at most
  /// 500, and noise of about the centre's own length.
  public static func clustered(count: Int, dimension: Int, using random: inout SeededRandom) -> [[Float]] {
    let centres = (0..<max(1, min(500, count / 10))).map { _ in uniform(dimension, using: &random) }
    return (0..<count).map { _ in
      let centre = centres[Int.random(in: 0..<centres.count, using: &random)]
      let noise = uniform(dimension, using: &random)
      return unit(zip(centre, noise).map { $0 + 0.9 * $1 })
    }
  }

  /// Half-precision vectors of passages with consecutive numbers.
  public static func page(_ vectors: [[Float]], first: PassageID) -> VectorPage {
    VectorPage(
      passages: vectors.indices.map { first + PassageID($0) },
      dimension: vectors.first?.count ?? 0,
      halves: vectors.flatMap { $0.map { half($0) } }
    )
  }

  /// The cosine of the angle between two vectors; 0 when one is zero.
  public static func cosine(_ left: [Float], _ right: [Float]) -> Float {
    let (a, b) = (unit(left), unit(right))
    return zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The vector brought to unit length; the zero vector as it is.
  public static func unit(_ vector: [Float]) -> [Float] {
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return length > 0 ? vector.map { $0 / length } : vector
  }

  /// The half-precision bit pattern nearest to a number, ties to even.
  static func half(_ value: Float) -> UInt16 {
    #if arch(arm64)
      return Float16(value).bitPattern
    #else
      let sign = UInt16(value.sign == .minus ? 0x8000 : 0)
      let magnitude = value.magnitude
      if magnitude.isNaN { return sign | 0x7E00 }
      if magnitude >= 65520 { return sign | 0x7C00 }
      // In units of the smallest step at that magnitude, rounding to an integer is rounding to a half.
      let exponent = max(magnitude == 0 ? -14 : Int(magnitude.exponent), -14)
      let step = Float(sign: .plus, exponent: exponent - 10, significand: 1)
      let steps = UInt16((magnitude / step).rounded(.toNearestOrEven))
      return sign | (UInt16(exponent + 14) << 10 + steps)
    #endif
  }

  private static func uniform(_ count: Int, using random: inout SeededRandom) -> [Float] {
    (0..<count).map { _ in Float(Int32(truncatingIfNeeded: random.next())) * 0x1p-31 }
  }
}
