import CFaissLoader
import FreshetModel

/// A FAISS index over the rows of a segment, in single precision.
///
/// `@unchecked Sendable`: after `init` the handle is only searched and read, which FAISS allows at the same time
/// (`faiss::Index::search` is const), and freed when the last user is gone.
final class FAISSIndex: Accelerator, @unchecked Sendable {
  private let handle: OpaquePointer
  private let functions: freshet_faiss_functions
  private let parameters: FAISSParameters
  private let rows: Int
  private let dimension: Int

  private init(
    handle: OpaquePointer,
    functions: freshet_faiss_functions,
    parameters: FAISSParameters,
    rows: Int,
    dimension: Int
  ) {
    self.handle = handle
    self.functions = functions
    self.parameters = parameters
    self.rows = rows
    self.dimension = dimension
  }

  deinit {
    functions.free(handle)
  }

  /// Builds the index from the segment's vectors.
  /// - Throws: `FreshetError` with `index_failed` when FAISS is not there or fails.
  static func build(over segment: Segment, _ parameters: FAISSParameters) throws -> FAISSIndex {
    let functions = try FAISSLibrary.functions(parameters)
    var vectors: [Float] = []
    if segment.halves.isEmpty {
      for row in 0..<segment.count { vectors += segment.vector(at: row) }
    } else {
      vectors = HalfPrecision.decode(segment.halves)
    }
    let lists = min(parameters.lists, segment.count / FAISSParameters.vectorsPerList)
    var message = FailureMessage()
    guard
      let handle = functions.build(
        vectors,
        segment.count,
        segment.dimension,
        max(lists, 0),
        &message.bytes,
        message.bytes.count
      )
    else { throw failure("cannot build an index of \(segment.count) vectors", message) }
    return FAISSIndex(
      handle: handle,
      functions: functions,
      parameters: parameters,
      rows: segment.count,
      dimension: segment.dimension
    )
  }

  /// Takes a stored index.
  /// - Throws: `FreshetError` with `index_failed` when FAISS is not there or refuses it.
  convenience init(image: IndexFile.Image, parameters: FAISSParameters) throws {
    guard let bytes = image.section(.faiss), let start = bytes.baseAddress else {
      throw IndexFile.Image.damaged("its FAISS index is missing", image.path)
    }
    let functions = try FAISSLibrary.functions(parameters)
    var message = FailureMessage()
    guard
      let handle = functions.deserialize(
        start.assumingMemoryBound(to: UInt8.self),
        bytes.count,
        image.count,
        image.dimension,
        &message.bytes,
        message.bytes.count
      )
    else { throw Self.failure("cannot read its index", message, path: image.path) }
    self.init(
      handle: handle,
      functions: functions,
      parameters: parameters,
      rows: image.count,
      dimension: image.dimension
    )
  }

  func sections() throws -> [IndexFile.Section] {
    var message = FailureMessage()
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    guard functions.serialize(handle, &bytes, &count, &message.bytes, message.bytes.count), let bytes else {
      throw Self.failure("cannot write its index", message)
    }
    let owner = Serialised(bytes: bytes, release: functions.release)
    return [IndexFile.Section(.faiss, UnsafeRawBufferPointer(start: bytes, count: count), owner: owner)]
  }

  func vectors() throws -> [Float]? {
    var message = FailureMessage()
    var vectors = [Float](repeating: 0, count: rows * dimension)
    guard functions.vectors(handle, &vectors, &message.bytes, message.bytes.count) else {
      throw Self.failure("cannot give its vectors back", message)
    }
    return vectors
  }

  func search(_ query: Query, in segment: Segment, limit: Int, mask: RowSet?, matches: Int) throws -> [ScoredRow]? {
    // FAISS tests every vector against the mask by a virtual call: a few are found sooner by a scan of the codes.
    guard matches * 8 > rows else { return nil }
    var message = FailureMessage()
    var hasFailed = false
    let found = Segment.collect(limit) { rows, scores in
      func run(_ mask: UnsafePointer<UInt64>?) -> Int {
        functions.search(
          handle,
          query.vector,
          limit,
          max(1, parameters.probes),
          mask,
          rows,
          scores,
          &message.bytes,
          message.bytes.count
        )
      }
      let count = mask.map { $0.words.withUnsafeBufferPointer { run($0.baseAddress) } } ?? run(nil)
      hasFailed = count < 0
      return max(count, 0)
    }
    if hasFailed { throw Self.failure("cannot search", message) }
    return found
  }

  private static func failure(_ what: String, _ message: FailureMessage, path: String? = nil) -> FreshetError {
    FreshetError(
      .indexFailed,
      "FAISS \(what) (\(message.text)); `freshet reindex` builds the index again from the stored vectors.",
      path: path
    )
  }
}

/// Bytes that the library allocated.
private final class Serialised {
  private let bytes: UnsafeMutablePointer<UInt8>
  private let release: @convention(c) (UnsafeMutablePointer<UInt8>?) -> Void

  init(bytes: UnsafeMutablePointer<UInt8>, release: @escaping @convention(c) (UnsafeMutablePointer<UInt8>?) -> Void) {
    self.bytes = bytes
    self.release = release
  }

  deinit {
    release(bytes)
  }
}
