import CVectorMath
import FreshetModel

/// A query of unit length, also as codes.
struct Query {
  let vector: [Float]
  let codes: [Int8]
  let scale: Float
  let kernel: freshet_kernel

  /// Brings the vector to unit length.
  /// - Throws: `FreshetError` with `model_mismatch` for another dimension; `invalid_argument` when a component is not a
  ///   finite number.
  init(_ vector: [Float], dimension: Int) throws {
    guard vector.count == dimension else {
      throw FreshetError(
        .modelMismatch,
        "The query has \(vector.count) components, the index \(dimension): "
          + "embed it with the model that the index was built with."
      )
    }
    guard vector.allSatisfy(\.isFinite) else {
      throw FreshetError(.invalidArgument, "The query has a component that is not a finite number.")
    }
    // In double precision no finite single-precision vector overflows.
    let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    let unit = length > 0 ? vector.map { Float(Double($0) / length) } : vector
    var codes = [Int8](repeating: 0, count: freshet_code_stride(dimension))
    let stride = codes.count
    scale = unit.withUnsafeBufferPointer { unit in
      codes.withUnsafeMutableBufferPointer { codes in
        guard let source = unit.baseAddress, let target = codes.baseAddress else { return 0 }
        return freshet_quantize(source, dimension, stride, target)
      }
    }
    self.vector = unit
    self.codes = codes
    kernel = freshet_best_kernel()
  }
}

/// A row of a segment with its score.
struct ScoredRow {
  var row: Int
  var score: Float
}

extension Segment {
  /// The best rows, best first; of those in `mask`, or of all.
  func scan(_ query: Query, limit: Int, mask: RowSet?) -> [ScoredRow] {
    let limit = min(limit, mask?.count ?? count)
    guard limit > 0 else { return [] }
    return Self.collect(limit) { rows, scores in
      query.codes.withUnsafeBufferPointer { queryCodes in
        guard let queryStart = queryCodes.baseAddress else { return 0 }
        guard let mask else {
          return freshet_scan(
            query.kernel,
            codes,
            scales,
            stride,
            count,
            nil,
            queryStart,
            query.scale,
            limit,
            rows,
            scores
          )
        }
        return mask.words.withUnsafeBufferPointer {
          freshet_scan(
            query.kernel,
            codes,
            scales,
            stride,
            count,
            $0.baseAddress,
            queryStart,
            query.scale,
            limit,
            rows,
            scores
          )
        }
      }
    }
  }

  /// Lends room for results to a C function that answers how many it wrote.
  static func collect(
    _ limit: Int,
    _ body: (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<Float>) -> Int
  ) -> [ScoredRow] {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: limit) { rows in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: limit) { scores in
        guard let rowStart = rows.baseAddress, let scoreStart = scores.baseAddress else { return [] }
        let count = body(rowStart, scoreStart)
        return (0..<count).map { ScoredRow(row: Int(rows[$0]), score: scores[$0]) }
      }
    }
  }
}
