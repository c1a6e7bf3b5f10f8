import CVectorMath
import FreshetModel

/// Vectors of distinct passages as 8-bit codes, in ascending order of the passages. Immutable.
///
/// Row `i` is passage `passages[i]` with `stride` codes from `codes + i × stride` and one scale.
///
/// `@unchecked Sendable`: nothing that the pointers reach is written after `init`, and `owners` keeps it alive.
final class Segment: @unchecked Sendable {
  /// More rows than a row number of the kernels can count are refused.
  static let maximumRows = Int(UInt32.max)

  let dimension: Int
  let stride: Int
  let count: Int
  let passages: UnsafePointer<PassageID>
  let scales: UnsafePointer<Float>
  let codes: UnsafePointer<Int8>
  /// The vectors as they were added, for a backend that builds from them; empty otherwise.
  let halves: [UInt16]
  private let owners: [AnyObject]

  init(
    dimension: Int,
    count: Int,
    passages: UnsafeRawPointer,
    scales: UnsafeRawPointer,
    codes: UnsafeRawPointer,
    halves: [UInt16] = [],
    owners: [AnyObject]
  ) {
    self.dimension = dimension
    stride = freshet_code_stride(dimension)
    self.count = count
    self.passages = passages.assumingMemoryBound(to: PassageID.self)
    self.scales = scales.assumingMemoryBound(to: Float.self)
    self.codes = codes.assumingMemoryBound(to: Int8.self)
    self.halves = halves
    self.owners = owners
  }

  /// The passage's row; `nil` when it is not in the segment.
  func row(of passage: PassageID) -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if passages[middle] < passage { low = middle + 1 } else { high = middle }
    }
    return low < count && passages[low] == passage ? low : nil
  }

  /// Whether the rows of two segments hold the same codes.
  func hasSameVector(at row: Int, as other: Segment, at otherRow: Int) -> Bool {
    guard scales[row] == other.scales[otherRow], stride == other.stride else { return false }
    let mine = UnsafeRawBufferPointer(start: codes + row * stride, count: stride)
    let theirs = UnsafeRawBufferPointer(start: other.codes + otherRow * stride, count: stride)
    return mine.elementsEqual(theirs)
  }

  /// The vector in single precision: as it was added where the halves are kept, else as its codes say.
  func vector(at row: Int) -> [Float] {
    if !halves.isEmpty {
      var floats = [Float](repeating: 0, count: dimension)
      halves.withUnsafeBufferPointer { halves in
        floats.withUnsafeMutableBufferPointer { floats in
          guard let source = halves.baseAddress, let target = floats.baseAddress else { return }
          freshet_halves_to_floats(source + row * dimension, target, dimension)
        }
      }
      return floats
    }
    return (0..<dimension).map { Float(codes[row * stride + $0]) * scales[row] }
  }

  /// The bytes of the passages, scales and codes, as they are stored.
  var storedBytes: (passages: UnsafeRawBufferPointer, scales: UnsafeRawBufferPointer, codes: UnsafeRawBufferPointer) {
    (
      UnsafeRawBufferPointer(start: passages, count: count * MemoryLayout<PassageID>.stride),
      UnsafeRawBufferPointer(start: scales, count: count * MemoryLayout<Float>.stride),
      UnsafeRawBufferPointer(start: codes, count: count * stride)
    )
  }
}
