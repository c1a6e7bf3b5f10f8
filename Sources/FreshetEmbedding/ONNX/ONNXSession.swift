import CONNXRuntime
import FreshetModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A loaded model, from token ids to vectors.
///
/// `@unchecked Sendable`: the handles are set in `init` and released in `deinit`; ONNX Runtime allows `Run` on one
/// session from several threads at once, and with one intra-op thread each runs wholly on its caller's.
final class ONNXSession: @unchecked Sendable {
  /// How a model's token vectors become one.
  enum Pooling: String, Sendable {
    case mean
    case classification = "cls"
  }

  private let runtime: ONNXRuntime
  private let session: OpaquePointer
  private let memory: OpaquePointer
  private let inputs: [String]
  private let output: String
  private let dimension: Int
  private let maximumID: Int32

  /// Loads the model's file.
  /// - Throws: `FreshetError` with `embedder_failed` for a file that is no such model.
  init(
    runtime: ONNXRuntime,
    path: String,
    inputs: [String],
    output: String,
    dimension: Int,
    vocabularyCount: Int
  ) throws {
    self.runtime = runtime
    self.inputs = inputs
    self.output = output
    self.dimension = dimension
    maximumID = Int32(clamping: vocabularyCount)
    let api = runtime.api.pointee

    var options: OpaquePointer?
    try runtime.check(api.CreateSessionOptions(&options), while: "loading \(path)")
    defer { api.ReleaseSessionOptions(options) }
    try runtime.check(api.SetIntraOpNumThreads(options, 1), while: "loading \(path)")
    try runtime.check(api.SetInterOpNumThreads(options, 1), while: "loading \(path)")
    try runtime.check(api.SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL), while: "loading \(path)")

    var session: OpaquePointer?
    try runtime.check(api.CreateSession(runtime.environment, path, options, &session), while: "loading \(path)")
    var memory: OpaquePointer?
    try runtime.check(api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory), while: "loading \(path)")
    guard let session, let memory else { throw FreshetError(.modelUnavailable, "the model did not load", path: path) }
    self.session = session
    self.memory = memory
  }

  deinit {
    runtime.api.pointee.ReleaseMemoryInfo(memory)
    runtime.api.pointee.ReleaseSession(session)
  }

  /// The vectors of sequences of one length, one after the other. Blocks for the whole computation.
  /// - Throws: `FreshetError` with `embedder_failed`.
  func run(_ sequences: some Collection<[Int32]>) throws -> [Float] {
    let count = sequences.count
    let length = sequences.first?.count ?? 0
    guard count > 0, length > 0, sequences.allSatisfy({ $0.count == length }) else {
      throw FreshetError(.embedderFailed, "sequences of different length, or none, in one run; this is a defect")
    }
    var ids: [Int64] = []
    ids.reserveCapacity(count * length)
    for sequence in sequences {
      for id in sequence {
        guard id >= 0, id < maximumID else { throw FreshetError(.embedderFailed, "token \(id) is not of this model") }
        ids.append(Int64(id))
      }
    }
    var mask = [Int64](repeating: 1, count: ids.count)
    var types = [Int64](repeating: 0, count: ids.count)
    var values: [OpaquePointer?] = []
    defer { for value in values { runtime.api.pointee.ReleaseValue(value) } }
    var vectors: [Float] = []
    // The tensors refer to the arrays' memory, which therefore must stay where it is until the run is over.
    try ids.withUnsafeMutableBytes { ids in
      try mask.withUnsafeMutableBytes { mask in
        try types.withUnsafeMutableBytes { types in
          for name in inputs {
            switch name {
            case "input_ids": values.append(try tensor(ids, count, length))
            case "attention_mask": values.append(try tensor(mask, count, length))
            case "token_type_ids": values.append(try tensor(types, count, length))
            default: throw FreshetError(.modelUnavailable, "the model wants an input '\(name)' that is not known")
            }
          }
          vectors = try compute(values, count: count)
        }
      }
    }
    return vectors
  }

  private func tensor(_ bytes: UnsafeMutableRawBufferPointer, _ count: Int, _ length: Int) throws -> OpaquePointer? {
    var value: OpaquePointer?
    let shape = [Int64(count), Int64(length)]
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

  private func compute(_ values: [OpaquePointer?], count: Int) throws -> [Float] {
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
    guard elements == count * dimension, type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT else {
      throw FreshetError(.modelMismatch, "the model gave \(elements) numbers for \(count) texts of \(dimension) each")
    }
    var data: UnsafeMutableRawPointer?
    try runtime.check(api.GetTensorMutableData(result, &data), while: "embedding")
    guard let data else { throw FreshetError(.embedderFailed, "the model gave no vectors") }
    return Array(UnsafeBufferPointer(start: data.assumingMemoryBound(to: Float.self), count: elements))
  }
}
