import CVectorMath
import FreshetIndex
import FreshetModel
import FreshetTestKit
import Glibc

/// The vectors that are indexed and the queries that are asked, all of unit length and rounded to half precision.
struct Samples {
  let dimension: Int
  let vectors: [Float]
  let queries: [[Float]]

  var count: Int { vectors.count / dimension }

  /// How the centres of synthetic clusters lie.
  enum Shape: String {
    /// Topics within topics, as texts have them: eight to each, and each step down moves a centre less than the one
    /// before, so that a larger collection is a denser one. The default: how a search fares here is how it fares with
    /// texts.
    case hierarchical
    /// Every centre as far from all others as chance puts it. Nothing leads from a cluster to a nearer one, which gets
    /// harder with every cluster added, and harder than any text: the worst case, to be measured beside the other.
    case isotropic
  }

  /// Topics directly below another.
  private static let topicsPerTopic = 8

  /// Clusters as real embeddings have them: centres around a common mean, a few directions that carry most of a
  /// cluster's variance, and noise.
  init(
    synthetic count: Int,
    _ shape: Shape,
    rowsPerCluster: Int,
    queries queryCount: Int,
    dimension: Int,
    seed: UInt64
  ) {
    var random = SeededRandom(seed: seed)
    func normal() -> Float {
      // The sum of four uniform numbers, scaled to variance 1.
      var sum: Float = 0
      for _ in 0..<4 { sum += Float(Int32(truncatingIfNeeded: random.next())) * 0x1p-31 }
      return sum * 0.866
    }
    let directions = 24
    let clusters = max(1, count / max(1, rowsPerCluster))
    let mean = (0..<dimension).map { _ in normal() * 0.5 }
    // The centres of each level of topics, all below the mean; the last are those of the clusters.
    var sizes = [clusters]
    while shape == .hierarchical, sizes[0] > Self.topicsPerTopic {
      sizes.insert((sizes[0] + Self.topicsPerTopic - 1) / Self.topicsPerTopic, at: 0)
    }
    var centres = mean
    var rest: Float = 1
    for (level, size) in sizes.enumerated() {
      // Half of what is left to the variance of 1 that isotropic centres have.
      let variance = level == sizes.count - 1 ? rest : rest / 2
      rest -= variance
      let step = variance.squareRoot()
      let above = centres
      centres = (0..<size * dimension).map { place in
        let topic = level == 0 ? 0 : place / dimension / Self.topicsPerTopic
        return above[topic * dimension + place % dimension] + normal() * step
      }
    }
    let axes = (0..<directions * dimension).map { _ in normal() * 0.25 }
    var all = [Float](repeating: 0, count: (count + queryCount) * dimension)
    for row in 0..<count + queryCount {
      let cluster = Int(random.next() % UInt64(clusters))
      let weights = (0..<directions).map { _ in normal() }
      var length: Float = 0
      for i in 0..<dimension {
        var value = centres[cluster * dimension + i] + normal() * 0.5
        for axis in 0..<directions { value += weights[axis] * axes[axis * dimension + i] }
        all[row * dimension + i] = value
        length += value * value
      }
      length = length.squareRoot()
      for i in 0..<dimension { all[row * dimension + i] /= length }
    }
    self.init(all, queries: queryCount, dimension: dimension)
  }

  /// Reads little-endian single-precision vectors; the last ones are the queries.
  init?(file: String, queries queryCount: Int, dimension: Int) {
    guard let handle = fopen(file, "rb") else { return nil }
    defer { fclose(handle) }
    fseek(handle, 0, SEEK_END)
    let count = ftell(handle) / 4
    rewind(handle)
    var all = [Float](repeating: 0, count: count)
    guard fread(&all, 4, count, handle) == count, count.isMultiple(of: dimension) else { return nil }
    self.init(all, queries: queryCount, dimension: dimension)
  }

  private init(_ all: [Float], queries queryCount: Int, dimension: Int) {
    self.dimension = dimension
    let rounded = HalfPrecision.decode(HalfPrecision.encode(all))
    let count = all.count / dimension - queryCount
    vectors = Array(rounded[..<(count * dimension)])
    queries = (count..<count + queryCount).map { Array(rounded[$0 * dimension..<($0 + 1) * dimension]) }
  }

  func score(_ query: [Float], _ row: Int) -> Float {
    vectors.withUnsafeBufferPointer {
      freshet_dot($0.baseAddress.unsafelyUnwrapped + row * dimension, query, dimension)
    }
  }

  /// The rows nearest to each query, by every vector in single precision.
  func nearest(_ limit: Int) -> [Set<Int>] {
    queries.map { query in
      let scores = (0..<count).map { score(query, $0) }
      let bar = scores.sorted(by: >)[min(limit, count) - 1]
      return Set(scores.indices.filter { scores[$0] >= bar }.prefix(limit))
    }
  }

  func page(_ rows: Range<Int>) -> VectorPage {
    VectorPage(
      passages: rows.map { PassageID($0) },
      dimension: dimension,
      halves: HalfPrecision.encode(Array(vectors[rows.lowerBound * dimension..<rows.upperBound * dimension]))
    )
  }
}
