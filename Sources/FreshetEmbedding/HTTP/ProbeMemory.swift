import FreshetModel
import FreshetSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Remembers how a server's model embedded the probe sentence, so that a model that was exchanged behind its name is
/// noticed, and so that the dimension is known without asking.
public protocol ProbeMemory: Sendable {
  /// The vector that was seen first for that model, or `nil`.
  func vector(for key: String) throws -> [Float]?
  /// Keeps the vector.
  func keep(_ vector: [Float], for key: String) throws
}

/// A memory for tests and for collections in memory.
public final class VolatileProbeMemory: ProbeMemory {
  private let vectors = Mutex<[String: [Float]]>([:])

  /// Starts empty.
  public init() {}

  public func vector(for key: String) -> [Float]? { vectors.withLock { $0[key] } }
  public func keep(_ vector: [Float], for key: String) { vectors.withLock { $0[key] = vector } }
}

/// A memory in a folder: one small file a model, replaced atomically.
public struct FolderProbeMemory: ProbeMemory {
  private let folder: String

  /// Keeps files in that folder, which must exist.
  public init(folder: String) {
    self.folder = folder
  }

  /// - Returns: `nil` also for a damaged file: the next probe replaces it.
  public func vector(for key: String) throws -> [Float]? {
    guard let stream = fopen(path(key), "re") else {
      if errno == ENOENT { return nil }
      throw failure("cannot be read", path(key))
    }
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, stream)
    let payload = bytes[..<count].dropFirst(ContentHash.byteCount)
    guard count > ContentHash.byteCount, payload.count.isMultiple(of: 4),
      SHA256.digest(of: Array(payload)).bytes.elementsEqual(bytes[..<ContentHash.byteCount])
    else { return nil }
    return Array(payload).withUnsafeBytes { raw in
      stride(from: 0, to: raw.count, by: 4).map {
        Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: $0, as: UInt32.self)))
      }
    }
  }

  public func keep(_ vector: [Float], for key: String) throws {
    var payload: [UInt8] = []
    for value in vector {
      let bits = value.bitPattern
      payload += (0..<4).map { UInt8(truncatingIfNeeded: bits >> UInt32($0 * 8)) }
    }
    let bytes = SHA256.digest(of: payload).bytes + payload
    let temporary = "\(path(key)).\(getpid()).\(UInt32.random(in: 0 ... .max))"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("cannot be written", temporary) }
    let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    let isComplete = count == bytes.count && fsync(descriptor) == 0
    let error = isComplete ? nil : failure("cannot be written", temporary)
    close(descriptor)
    if let error {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path(key)) == 0 else {
      let error = failure("cannot be written", path(key))
      unlink(temporary)
      throw error
    }
  }

  private func path(_ key: String) -> String {
    folder + "/probe-" + SHA256.digest(of: Array(key.utf8)).description.prefix(24)
  }

  private func failure(_ what: String, _ path: String) -> FreshetError {
    FreshetError(.inputOutput, "\(what): \(String(cString: strerror(errno))).", path: path)
  }
}
