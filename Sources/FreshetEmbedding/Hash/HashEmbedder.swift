import CCrypto
import FreshetModel
import FreshetSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Turns texts into unit vectors that depend on nothing but the text's SHA-256: for tests and engine benchmarks.
///
/// Equal texts have equal vectors on every machine, and other texts vectors that are almost orthogonal; meaning plays no
/// part. It is never chosen in place of a model that is missing.
public final class HashEmbedder: Embedder {
  /// The dimension when none is asked for.
  public static let defaultDimension = 384

  public let model: ModelDescription
  public let parallelism: Int
  private let faults: HashEmbedderFaults
  private let calls = Atomic<Int>(0)

  /// Makes vectors of that dimension, with the faults that a test wants.
  public init(
    dimension: Int = HashEmbedder.defaultDimension,
    parallelism: Int = 2,
    faults: HashEmbedderFaults = HashEmbedderFaults()
  ) {
    let dimension = max(1, dimension)
    model = ModelDescription(name: "hash", fingerprint: "hash/1/\(dimension)", dimension: dimension)
    self.parallelism = max(1, parallelism)
    self.faults = faults
  }

  public func embed(_ texts: [String], for purpose: EmbeddingPurpose) async throws -> EmbeddingBatch {
    try Task.checkCancellation()
    let call = calls.wrappingAdd(1, ordering: .relaxed).newValue
    try faults.check(call: call, texts)
    if faults.delayPerText > .zero { try await Task.sleep(for: faults.delayPerText * texts.count) }
    var values = [Float](repeating: 0, count: texts.count * model.dimension)
    var tokens = 0
    for (index, text) in texts.enumerated() {
      var text = text
      tokens += text.withUTF8 { bytes in
        let digest = SHA256.digest(of: UnsafeRawBufferPointer(bytes))
        values.withUnsafeMutableBufferPointer { values in
          let start = index * model.dimension
          Self.fill(UnsafeMutableBufferPointer(rebasing: values[start..<start + model.dimension]), from: digest)
        }
        return TokenEstimate.tokens(of: bytes)
      }
    }
    try faults.log(texts)
    return EmbeddingBatch(dimension: model.dimension, values: values, tokens: tokens)
  }

  public func countTokens(of texts: [String]) async throws -> [Int] {
    texts.map { TokenEstimate.tokens(of: $0) }
  }

  /// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators") from the digest's
  /// words; each 64 bits give four components of −1 to 1 before they are scaled to unit length.
  private static func fill(_ vector: UnsafeMutableBufferPointer<Float>, from digest: ContentHash) {
    var state = digest.withBytes { bytes in
      (0..<4).reduce(UInt64(0)) { state, word in
        (state &* 31) ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self))
      }
    }
    var bits: UInt64 = 0
    var squares: Float = 0
    for index in vector.indices {
      if index & 3 == 0 {
        state &+= 0x9E37_79B9_7F4A_7C15
        bits = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        bits ^= bits >> 31
      }
      // An odd numerator, so that no component and no vector is zero.
      let value = Float(Int32(Int16(truncatingIfNeeded: bits)) * 2 + 1) / 65_536
      bits >>= 16
      vector[index] = value
      squares += value * value
    }
    let scale = 1 / squares.squareRoot()
    for index in vector.indices { vector[index] *= scale }
  }
}

/// What a test or benchmark wants to go wrong, or written down.
public struct HashEmbedderFaults: Sendable {
  /// The file that a line is appended to for each embedded text: the first 16 hexadecimal digits of its SHA-1.
  public var logFile: String?
  /// The call, from 1, that fails once with a transient error.
  public var failingCall: Int?
  /// Texts that hold this always fail.
  public var failingText: String?
  /// How long each text takes.
  public var delayPerText = Duration.zero

  /// Nothing goes wrong.
  public init() {}

  /// Reads `FRESHET_HASH_EMBEDDER_LOG`, `…_FAIL_AT`, `…_FAIL_TEXT` and `…_DELAY_US`.
  public init(environment: [String: String]) {
    func variable(_ name: String) -> String? {
      environment["FRESHET_HASH_EMBEDDER_" + name].flatMap { $0.isEmpty ? nil : $0 }
    }
    logFile = variable("LOG")
    failingCall = variable("FAIL_AT").flatMap { Int($0) }
    failingText = variable("FAIL_TEXT")
    delayPerText = .microseconds(max(0, variable("DELAY_US").flatMap { Int64($0) } ?? 0))
  }

  func check(call: Int, _ texts: [String]) throws {
    if call == failingCall {
      throw FreshetError(
        .embedderFailed,
        "call \(call) of the hash embedder was asked to fail.",
        permanence: .transient(retryAfter: nil)
      )
    }
    if let failingText, texts.contains(where: { $0.contains(failingText) }) {
      throw FreshetError(.embedderFailed, "a text was asked to fail by FRESHET_HASH_EMBEDDER_FAIL_TEXT.")
    }
  }

  /// Appends a line a text, all of a batch in one write, so that processes can share the file.
  func log(_ texts: [String]) throws {
    guard let logFile, !texts.isEmpty else { return }
    var lines: [UInt8] = []
    for text in texts {
      var text = text
      var digest = [UInt8](repeating: 0, count: 20)
      text.withUTF8 { bytes in _ = CCrypto.SHA1(bytes.baseAddress, bytes.count, &digest) }
      lines += Hexadecimal.encode(digest[..<8]).utf8
      lines.append(UInt8(ascii: "\n"))
    }
    let descriptor = open(logFile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    let written = descriptor < 0 ? -1 : lines.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    let reason = String(cString: strerror(errno))
    if descriptor >= 0 { close(descriptor) }
    guard written == lines.count else {
      throw FreshetError(.inputOutput, "the embedder's log cannot be written: \(reason).", path: logFile)
    }
  }
}

/// Tokens of a text for which no tokenizer is at hand: four bytes of ASCII each, and one for each other character.
enum TokenEstimate {
  static func tokens(of text: String) -> Int {
    var text = text
    return text.withUTF8 { tokens(of: $0) }
  }

  static func tokens(of bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var ascii = 0
    var others = 0
    for byte in bytes {
      if byte < 0x80 { ascii += 1 } else if byte >= 0xC0 { others += 1 }
    }
    return (ascii + 3) / 4 + others
  }
}
