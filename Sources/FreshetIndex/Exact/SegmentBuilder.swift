import CVectorMath
import FreshetModel

/// Collects vectors into a segment, in ascending order of their passages.
struct SegmentBuilder {
  private let dimension: Int
  private let stride: Int
  private let keepsHalves: Bool
  private let passages: AlignedMemory
  private let scales: AlignedMemory
  private let codes: AlignedMemory
  private var halves: [UInt16] = []
  private var last: PassageID = -1
  private var floats: [Float]
  /// The vectors collected so far.
  private(set) var count = 0

  /// Starts empty; `capacity` only saves growing.
  init(dimension: Int, keepsHalves: Bool = false, capacity: Int = 0) {
    self.dimension = dimension
    stride = freshet_code_stride(dimension)
    self.keepsHalves = keepsHalves
    passages = AlignedMemory(capacity: capacity * MemoryLayout<PassageID>.stride)
    scales = AlignedMemory(capacity: capacity * MemoryLayout<Float>.stride)
    codes = AlignedMemory(capacity: capacity * stride)
    floats = [Float](repeating: 0, count: dimension)
  }

  /// Adds a page; of a passage that it names twice, the last vector.
  /// - Throws: `FreshetError` with `model_mismatch` for another dimension; `index_failed` for a page whose parts do not
  ///   fit each other, a negative passage, a component that is not finite, or passages before those added already.
  mutating func append(_ page: VectorPage) throws {
    guard page.dimension == dimension else {
      throw FreshetError(
        .modelMismatch,
        "The vectors have \(page.dimension) components, the index \(dimension): rebuild it with `freshet reindex`."
      )
    }
    guard page.halves.count == page.count * dimension else {
      throw FreshetError(.indexFailed, "A page of \(page.count) vectors has \(page.halves.count) components.")
    }
    guard count + page.count <= Segment.maximumRows else {
      throw FreshetError(.indexFailed, "An index holds at most \(Segment.maximumRows) vectors.")
    }
    var previous = last
    let isAscending = page.passages.allSatisfy { passage in
      defer { previous = passage }
      return passage > previous
    }
    if isAscending {
      for position in page.passages.indices { try append(page.passages[position], page, position) }
      return
    }
    let order = page.passages.indices.sorted { (page.passages[$0], $0) < (page.passages[$1], $1) }
    for (place, position) in order.enumerated() {
      let passage = page.passages[position]
      if place + 1 < order.count, page.passages[order[place + 1]] == passage { continue }
      try append(passage, page, position)
    }
  }

  private mutating func append(_ passage: PassageID, _ page: VectorPage, _ position: Int) throws {
    guard passage > last else {
      throw FreshetError(.indexFailed, "Passage \(passage) is negative or comes after passage \(last).")
    }
    let isFinite = page.halves.withUnsafeBufferPointer { halves in
      floats.withUnsafeMutableBufferPointer { floats in
        guard let source = halves.baseAddress, let target = floats.baseAddress else { return true }
        freshet_halves_to_floats(source + position * dimension, target, dimension)
        // A product with zero is zero for every finite number, and NaN for all others.
        var sum: Float = 0
        for component in floats { sum += component * 0 }
        return sum == 0
      }
    }
    guard isFinite else {
      throw FreshetError(.indexFailed, "The vector of passage \(passage) has a component that is not a number.")
    }
    let row = codes.extend(by: stride).assumingMemoryBound(to: Int8.self)
    let scale = floats.withUnsafeBufferPointer { floats in
      floats.baseAddress.map { freshet_quantize($0, dimension, stride, row) } ?? 0
    }
    push(passage, scale: scale)
    if keepsHalves { halves.append(contentsOf: page.halves[position * dimension..<(position + 1) * dimension]) }
  }

  /// Copies a row of another segment, of the same dimension and with a passage above those added already; `vectors`
  /// are the segment's own in single precision, where something else keeps them.
  mutating func append(row: Int, of segment: Segment, vectors: [Float]? = nil) {
    codes.extend(by: stride).copyMemory(from: segment.codes + row * stride, byteCount: stride)
    push(segment.passages[row], scale: segment.scales[row])
    guard keepsHalves else { return }
    let place = row * dimension..<(row + 1) * dimension
    if let vectors {
      halves.append(contentsOf: HalfPrecision.encode(Array(vectors[place])))
    } else if segment.halves.isEmpty {
      halves.append(contentsOf: HalfPrecision.encode(segment.vector(at: row)))
    } else {
      halves.append(contentsOf: segment.halves[place])
    }
  }

  private mutating func push(_ passage: PassageID, scale: Float) {
    passages.extend(by: MemoryLayout<PassageID>.stride).storeBytes(of: passage, as: PassageID.self)
    scales.extend(by: MemoryLayout<Float>.stride).storeBytes(of: scale, as: Float.self)
    last = passage
    count += 1
  }

  /// The segment; the builder must not be used again.
  consuming func finish() -> Segment {
    Segment(
      dimension: dimension,
      count: count,
      passages: passages.start,
      scales: scales.start,
      codes: codes.start,
      halves: halves,
      owners: [passages, scales, codes]
    )
  }
}

/// IEEE 754 half precision, the form in which vectors are stored.
public enum HalfPrecision {
  /// The bit patterns nearest to the numbers, ties to even.
  public static func encode(_ floats: [Float]) -> [UInt16] {
    var halves = [UInt16](repeating: 0, count: floats.count)
    floats.withUnsafeBufferPointer { floats in
      halves.withUnsafeMutableBufferPointer { halves in
        guard let source = floats.baseAddress, let target = halves.baseAddress else { return }
        freshet_floats_to_halves(source, target, floats.count)
      }
    }
    return halves
  }

  /// The numbers of the bit patterns.
  public static func decode(_ halves: [UInt16]) -> [Float] {
    var floats = [Float](repeating: 0, count: halves.count)
    halves.withUnsafeBufferPointer { halves in
      floats.withUnsafeMutableBufferPointer { floats in
        guard let source = halves.baseAddress, let target = floats.baseAddress else { return }
        freshet_halves_to_floats(source, target, halves.count)
      }
    }
    return floats
  }
}
