import CZstd
import FreshetModel
import Synchronization

/// Zstandard (RFC 8878), computed by libzstd with contexts that are used again.
public enum Zstandard {
  /// The level that contents and renditions are compressed with: beyond it, time grows faster than size shrinks.
  public static let defaultLevel: Int32 = 3

  /// The most bytes that decompression yields when nobody names another limit: 4 GiB.
  public static let defaultOutputLimit = 4 << 30

  /// Contexts kept for later calls; more are made when more threads compress at once, and freed after use.
  private static let contextsKept = 4

  /// The bytes as one frame that carries its content size.
  /// - Throws: `FreshetError` with `store_failed` when libzstd cannot allocate.
  public static func compress(_ bytes: UnsafeRawBufferPointer, level: Int32 = defaultLevel) throws -> [UInt8] {
    let context = try compressors.take()
    defer { compressors.give(context) }
    // The frame is copied out, so that it does not keep the room for bytes that cannot be compressed.
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: ZSTD_compressBound(bytes.count), alignment: 16)
    defer { room.deallocate() }
    let size = ZSTD_compressCCtx(
      context.pointer,
      room.baseAddress,
      room.count,
      bytes.baseAddress,
      bytes.count,
      level
    )
    guard ZSTD_isError(size) == 0 else { throw failure(size) }
    return Array(room[..<size])
  }

  /// The bytes as one frame that carries its content size.
  /// - Throws: `FreshetError` with `store_failed` when libzstd cannot allocate.
  public static func compress(_ bytes: [UInt8], level: Int32 = defaultLevel) throws -> [UInt8] {
    try bytes.withUnsafeBytes { try compress($0, level: level) }
  }

  /// The content of one frame that `compress` made.
  ///
  /// - Parameter outputLimit: the most bytes to yield; what the frame declares is checked before anything is allocated.
  /// - Throws: `FreshetError` with `store_damaged` when the bytes are not such a frame, or hold more than the limit.
  public static func decompress(_ frame: [UInt8], outputLimit: Int = defaultOutputLimit) throws -> [UInt8] {
    try frame.withUnsafeBytes { bytes in
      let declared = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
      // The two highest values stand for "unknown" and "not a frame".
      guard declared < UInt64.max - 1, let size = Int(exactly: declared) else {
        throw FreshetError(.storeDamaged, "Compressed bytes are not a Zstandard frame with its size.")
      }
      guard size <= outputLimit else {
        throw FreshetError(.storeDamaged, "A frame declares \(size) bytes; at most \(outputLimit) are allowed.")
      }
      let context = try decompressors.take()
      defer { decompressors.give(context) }
      var status = 0
      let content = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        status = ZSTD_decompressDCtx(context.pointer, buffer.baseAddress, size, bytes.baseAddress, bytes.count)
        count = ZSTD_isError(status) == 0 ? status : 0
      }
      guard ZSTD_isError(status) == 0, content.count == size else {
        throw FreshetError(
          .storeDamaged,
          "Compressed bytes are damaged: \(ZSTD_isError(status) == 0 ? "too short" : reason(status))."
        )
      }
      return content
    }
  }

  private static let compressors = ContextPool(
    limit: contextsKept,
    make: { ZSTD_createCCtx() },
    free: { ZSTD_freeCCtx($0) }
  )
  private static let decompressors = ContextPool(
    limit: contextsKept,
    make: { ZSTD_createDCtx() },
    free: { ZSTD_freeDCtx($0) }
  )

  private static func reason(_ status: Int) -> String { String(cString: ZSTD_getErrorName(status)) }

  private static func failure(_ status: Int) -> FreshetError {
    FreshetError(.storeFailed, "Zstandard could not compress: \(reason(status)).")
  }
}

extension StoredBytes {
  /// The bytes compressed by Zstandard, or plain when that is not smaller.
  /// - Throws: `FreshetError` with `store_failed` when libzstd cannot allocate.
  public static func compressed(_ bytes: [UInt8]) throws -> StoredBytes {
    let frame = try Zstandard.compress(bytes)
    return frame.count < bytes.count ? StoredBytes(codec: .zstd, data: frame) : StoredBytes(codec: .plain, data: bytes)
  }

  /// The bytes coded as it was chosen: by Zstandard only where that is smaller.
  /// - Throws: `FreshetError` with `store_failed` when libzstd cannot allocate.
  public static func coded(_ bytes: [UInt8], by codec: Codec) throws -> StoredBytes {
    switch codec {
    case .plain: StoredBytes(codec: .plain, data: bytes)
    case .zstd: try compressed(bytes)
    }
  }

  /// The bytes that were stored.
  /// - Throws: `FreshetError` with `store_damaged` when they cannot be decompressed within the limit.
  public func decompressed(outputLimit: Int = Zstandard.defaultOutputLimit) throws -> [UInt8] {
    switch codec {
    case .plain: data
    case .zstd: try Zstandard.decompress(data, outputLimit: outputLimit)
    }
  }
}

/// A context of libzstd.
///
/// `@unchecked Sendable`: whoever took it from its pool is the only one who uses it until it is given back.
private struct Context: @unchecked Sendable {
  let pointer: OpaquePointer
}

/// Contexts that are not in use.
private final class ContextPool: Sendable {
  private let idle = Mutex<[Context]>([])
  private let limit: Int
  private let make: @Sendable () -> OpaquePointer?
  private let free: @Sendable (OpaquePointer) -> Int

  init(limit: Int, make: @escaping @Sendable () -> OpaquePointer?, free: @escaping @Sendable (OpaquePointer) -> Int) {
    self.limit = limit
    self.make = make
    self.free = free
  }

  func take() throws -> Context {
    if let context = idle.withLock({ $0.popLast() }) { return context }
    guard let pointer = make() else { throw FreshetError(.storeFailed, "Zstandard has no memory for a context.") }
    return Context(pointer: pointer)
  }

  func give(_ context: Context) {
    let kept = idle.withLock { contexts in
      guard contexts.count < limit else { return false }
      contexts.append(context)
      return true
    }
    if !kept { _ = free(context.pointer) }
  }
}
