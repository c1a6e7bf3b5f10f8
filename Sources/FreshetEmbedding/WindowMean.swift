/// One vector from those of a long text's parts: their mean weighted by tokens, of unit length again.
///
/// The method is OpenAI's for "texts that are longer than the model's maximum context length" (OpenAI Cookbook,
/// `examples/Embedding_long_inputs.ipynb`: the average of the chunks' embeddings weighted by their sizes, normalised).
enum WindowMean {
  /// Names how texts are cut and vectors combined; part of a local model's fingerprint.
  static let rule = "windows-mean/1"

  /// The vector of the whole from unit vectors of equal dimension; the one vector itself, untouched, when there is only
  /// one. The sums run in the parts' order and in `Double`, so that the result is the same to the bit everywhere.
  ///
  /// Vectors that cancel each other out leave no direction; then it is the first part's.
  static func vector(of parts: some RandomAccessCollection<[Float]>, weights: [Int]) -> [Float] {
    guard let first = parts.first, parts.count > 1 else { return parts.first ?? [] }
    var sums = [Double](repeating: 0, count: first.count)
    for (part, weight) in zip(parts, weights) {
      for (index, value) in part.enumerated() { sums[index] += Double(value) * Double(weight) }
    }
    let length = sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard length > 1e-9 else { return first }
    return sums.map { Float($0 / length) }
  }
}
