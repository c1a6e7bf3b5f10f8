import FreshetModel

/// Writes vectors as a file that FAISS opens (`faiss.read_index`): an IndexIDMap2 over an IndexFlatIP whose labels are
/// the passages' numbers.
///
/// The file is written in FAISS's format (`faiss/impl/index_write.cpp`, unchanged since 1.7) without FAISS, page by
/// page: memory grows by 8 bytes for each vector.
public enum FAISSExport {
  /// Vectors that are read at once.
  private static let pageSize = 4096
  /// `faiss::METRIC_INNER_PRODUCT`.
  private static let innerProduct: Int32 = 0

  /// Replaces `path`, or the file that a link there leads to, by one with every live vector of the feed, durably; answers
  /// how many there are.
  /// - Throws: what the feed throws; `FreshetError` with `disk_full` or `input_output`, the old file staying;
  ///   `CancellationError`.
  @discardableResult
  public static func write(_ feed: some VectorFeed, to path: String) throws -> Int {
    var last: PassageID = -1
    return try write(dimension: feed.dimension, to: path) {
      let page = try feed.liveVectors(after: last, limit: pageSize)
      guard let newest = page.passages.last else { return nil }
      last = newest
      return page
    }
  }

  /// Replaces `path` by a file with the vectors of all pages, until there is none; answers how many there are.
  /// - Throws: what `next` throws; `FreshetError` as the other `write`, and `model_mismatch` for a page of another
  ///   dimension.
  @discardableResult
  public static func write(dimension: Int, to path: String, pages next: () throws -> VectorPage?) throws -> Int {
    var labels: [UInt8] = []
    var count = 0
    try DurableFile.replace(named: path) { file in
      // The counts are not known yet: the head is written again at the end.
      let start = head(dimension: dimension, count: 0)
      try file.write(start)
      while let page = try next() {
        try Task.checkCancellation()
        guard page.dimension == dimension, page.halves.count == page.count * dimension else {
          throw FreshetError(
            .modelMismatch,
            "A page of \(page.count) vectors of \(page.dimension) components cannot be exported with \(dimension).",
            path: path
          )
        }
        // FAISS stores numbers as the machine does; all that it and Freshet run on are little-endian.
        try file.write(HalfPrecision.decode(page.halves).withUnsafeBytes { Array($0) })
        for passage in page.passages { append(passage, to: &labels) }
        count += page.count
      }
      var tail: [UInt8] = []
      append(UInt64(count), to: &tail)
      try file.write(tail + labels)
      try file.overwrite(head(dimension: dimension, count: count), at: 0)
    }
    return count
  }

  private static func head(dimension: Int, count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for name in ["IxM2", "IxFI"] {
      bytes += Array(name.utf8)
      append(Int32(clamping: dimension), to: &bytes)
      append(Int64(count), to: &bytes)
      // Two numbers that FAISS writes and skips.
      append(Int64(1 << 20), to: &bytes)
      append(Int64(1 << 20), to: &bytes)
      // It is trained.
      bytes.append(1)
      append(innerProduct, to: &bytes)
    }
    append(UInt64(count * dimension), to: &bytes)
    return bytes
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
