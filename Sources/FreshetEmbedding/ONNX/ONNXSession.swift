import CONNXRuntime
import FreshetModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A loaded model, from token ids to a vector.
///
/// `@unchecked Sendable`: the handles are set in `init` and released in `deinit`; ONNX Runtime allows `Run` on one
/// session from several threads at once, and with one intra-op thread each runs wholly on its caller's.
final class ONNXSession: @unchecked Sendable {
  private let runtime: ONNXRuntime
  private let session: OpaquePointer
  private let memory: OpaquePointer?
  private let inputs: [String]
  private let output: String
  private let dimension: Int
  private let pooling: ONNXModel.Pooling
  private let isNormalized: Bool
  private let maximumID: Int32

  /// Loads the model's file.
  /// - Throws: `FreshetError` with `embedder_failed` for a file that is no such model.
  init(
    runtime: ONNXRuntime,
    path: String,
    inputs: [String],
    output: String,
    dimension: Int,
    pooling: ONNXModel.Pooling,
    isNormalized: Bool,
    vocabularyCount: Int
  ) throws {
    self.runtime = runtime
    self.inputs = inputs
    self.output = output
    self.dimension = dimension
    self.pooling = pooling
    self.isNormalized = isNormalized
    maximumID = Int32(clamping: vocabularyCount)
    let session = try Self.open(runtime, path)
    var memory: OpaquePointer?
    do {
      try runtime.check(
        runtime.api.pointee.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory),
        while: "loading \(path)"
      )
      guard memory != nil else { throw FreshetError(.modelUnavailable, "the model did not load", path: path) }
    } catch {
      runtime.api.pointee.ReleaseSession(session)
      throw error
    }
    self.session = session
    self.memory = memory
  }

  static func open(_ runtime: ONNXRuntime, _ path: String) throws -> OpaquePointer {
    let api = runtime.api.pointee
    var options: OpaquePointer?
    try runtime.check(api.CreateSessionOptions(&options), while: "loading \(path)")
    defer { api.ReleaseSessionOptions(options) }
    try runtime.check(api.SetIntraOpNumThreads(options, 1), while: "loading \(path)")
    try runtime.check(api.SetInterOpNumThreads(options, 1), while: "loading \(path)")
    try runtime.check(api.SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL), while: "loading \(path)")
    var session: OpaquePointer?
    try runtime.check(api.CreateSession(runtime.environment, path, options, &session), while: "loading \(path)")
    guard let session else { throw FreshetError(.modelUnavailable, "the model did not load", path: path) }
    return session
  }

  deinit {
    runtime.api.pointee.ReleaseMemoryInfo(memory)
    runtime.api.pointee.ReleaseSession(session)
  }

  /// The vector of a sequence. Blocks for the whole computation.
  /// - Throws: `FreshetError` with `embedder_failed`.
  func run(_ sequence: [Int32]) throws -> [Float] {
    guard let highest = sequence.max(), highest < maximumID else {
      throw FreshetError(.embedderFailed, "a token is not of this model; install the model again")
    }
    var ids = sequence.map(Int64.init)
    var mask = [Int64](repeating: 1, count: ids.count)
    var types = [Int64](repeating: 0, count: ids.count)
    var values: [OpaquePointer?] = []
    defer { for value in values { runtime.api.pointee.ReleaseValue(value) } }
    var vector: [Float] = []
    // The tensors refer to the arrays' memory, which therefore must stay where it is until the run is over.
    try ids.withUnsafeMutableBytes { ids in
      try mask.withUnsafeMutableBytes { mask in
        try types.withUnsafeMutableBytes { types in
          for name in inputs {
            switch name {
            case "input_ids": values.append(try tensor(ids, length: sequence.count))
            case "attention_mask": values.append(try tensor(mask, length: sequence.count))
            case "token_type_ids": values.append(try tensor(types, length: sequence.count))
            default: throw FreshetError(.modelUnavailable, "the model wants an input '\(name)' that is not known")
            }
          }
          vector = try compute(values, length: sequence.count)
        }
      }
    }
    return vector
  }

  private func tensor(_ bytes: UnsafeMutableRawBufferPointer, length: Int) throws -> OpaquePointer? {
    var value: OpaquePointer?
    let shape = [1, Int64(length)]
    try runtime.check(
      runtime.api.pointee.CreateTensorWithDataAsOrtValue(
        memory,
        bytes.baseAddress,
        bytes.count,
        shape,
        shape.count,
        ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
        &value
      ),
      while: "embedding"
    )
    return value
  }

  private func compute(_ values: [OpaquePointer?], length: Int) throws -> [Float] {
    let api = runtime.api.pointee
    let names = inputs.map { strdup($0) }
    defer { names.forEach { free($0) } }
    let inputNames = names.map { UnsafePointer($0) }
    var result: OpaquePointer?
    try output.withCString { output in
      var outputName: UnsafePointer<CChar>? = output
      try runtime.check(
        api.Run(session, nil, inputNames, values, values.count, &outputName, 1, &result),
        while: "embedding"
      )
    }
    defer { api.ReleaseValue(result) }

    var shape: OpaquePointer?
    try runtime.check(api.GetTensorTypeAndShape(result, &shape), while: "embedding")
    defer { api.ReleaseTensorTypeAndShapeInfo(shape) }
    var elements = 0
    try runtime.check(api.GetTensorShapeElementCount(shape, &elements), while: "embedding")
    var type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED
    try runtime.check(api.GetTensorElementType(shape, &type), while: "embedding")
    guard type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT else {
      throw FreshetError(.modelUnavailable, "the model's output is not in 32-bit numbers; choose another file of it")
    }
    var rank = 0
    try runtime.check(api.GetDimensionsCount(shape, &rank), while: "embedding")
    // One vector for the text, or one for each token.
    let rows = rank == 3 ? length : 1
    guard elements == rows * dimension else {
      throw FreshetError(.modelMismatch, "the model gave \(elements) numbers and not \(rows * dimension)")
    }
    var data: UnsafeMutableRawPointer?
    try runtime.check(api.GetTensorMutableData(result, &data), while: "embedding")
    guard let data else { throw FreshetError(.embedderFailed, "the model gave no vector") }
    let values = UnsafeBufferPointer(start: data.assumingMemoryBound(to: Float.self), count: elements)
    if rank != 3, isNormalized { return Array(values) }
    return try pooled(values, rows: rows)
  }

  /// One vector of unit length: the mean of the rows or the first of them, as sentence-transformers' `Pooling` has it; no
  /// row is padding. The sums run in order and in `Double`, the same on every machine.
  private func pooled(_ values: UnsafeBufferPointer<Float>, rows: Int) throws -> [Float] {
    var sums = [Double](repeating: 0, count: dimension)
    for row in 0..<(pooling == .cls ? 1 : rows) {
      for index in 0..<dimension { sums[index] += Double(values[row * dimension + index]) }
    }
    let length = sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard length.isFinite, length > 1e-12 else {
      throw FreshetError(.embedderFailed, "the model gave a vector without length")
    }
    return sums.map { Float($0 / length) }
  }
}
