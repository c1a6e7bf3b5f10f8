import FreshetModel

/// What client and helper say to each other: fixed headers, then the parts that they measure.
///
/// A request is one message with the document's descriptor. Everything that comes back is checked by the client: the
/// helper has read hostile bytes and may say anything.
public enum HelperWire {
  /// The socket's number in the helper.
  public static let socket: Int32 = 3
  /// Bytes of a request, the name of the declared encoding included.
  public static let requestBytes = 128
  /// Bytes of a reply before its parts.
  public static let replyBytes = 56
  /// Bytes of the name of an encoding.
  public static let encodingBytes = 40

  private static let requestMark: UInt32 = 0x3151_5246
  private static let replyMark: UInt32 = 0x3152_5246
}

extension HelperWire {
  /// What the helper is asked.
  public struct Request: Sendable {
    /// How to read the document.
    public var format: Format
    /// Its bytes.
    public var size: Int
    /// CPU seconds that it may take.
    public var cpuSeconds: Int
    /// The encoding that the source declares.
    public var encoding: String?

    /// Describes a request.
    public init(format: Format, size: Int, cpuSeconds: Int, encoding: String?) {
      self.format = format
      self.size = size
      self.cpuSeconds = cpuSeconds
      self.encoding = encoding
    }

    /// The message, always `requestBytes` long.
    public var bytes: [UInt8] {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(HelperWire.requestBytes)
      HelperWire.append(UInt64(HelperWire.requestMark), to: &bytes)
      HelperWire.append(UInt64(Format.allCases.firstIndex(of: format) ?? 0), to: &bytes)
      HelperWire.append(UInt64(size), to: &bytes)
      HelperWire.append(UInt64(cpuSeconds), to: &bytes)
      let name = Array((encoding ?? "").utf8.prefix(HelperWire.encodingBytes))
      HelperWire.append(UInt64(name.count), to: &bytes)
      bytes.append(contentsOf: name)
      bytes.append(contentsOf: [UInt8](repeating: 0, count: HelperWire.requestBytes - bytes.count))
      return bytes
    }

    /// Reads a message; `nil` when it is malformed.
    public init?(_ bytes: [UInt8]) {
      guard bytes.count == HelperWire.requestBytes, HelperWire.number(bytes, 0) == UInt64(HelperWire.requestMark),
        let format = Int(exactly: HelperWire.number(bytes, 8)), format < Format.allCases.count,
        let size = Int(exactly: HelperWire.number(bytes, 16)),
        let seconds = Int(exactly: HelperWire.number(bytes, 24)),
        let length = Int(exactly: HelperWire.number(bytes, 32)), length <= HelperWire.encodingBytes
      else { return nil }
      self.init(
        format: Format.allCases[format],
        size: size,
        cpuSeconds: seconds,
        encoding: length == 0 ? nil : String(decoding: bytes[40..<40 + length], as: UTF8.self)
      )
    }
  }

  /// What the helper answers.
  public struct Reply: Sendable {
    /// Whether the parts are an error's code and message; else Markdown, blocks, title and metadata.
    public var isError: Bool
    /// The memory that the helper holds now.
    public var residentBytes: Int
    /// The four parts.
    public var parts: [ArraySlice<UInt8>]

    /// The message of a reply.
    public static func message(isError: Bool, residentBytes: Int, parts: [[UInt8]]) -> [UInt8] {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(HelperWire.replyBytes + parts.reduce(0) { $0 + $1.count })
      HelperWire.append(UInt64(HelperWire.replyMark), to: &bytes)
      HelperWire.append(isError ? 1 : 0, to: &bytes)
      for index in 0..<4 { HelperWire.append(UInt64(index < parts.count ? parts[index].count : 0), to: &bytes) }
      HelperWire.append(UInt64(residentBytes), to: &bytes)
      for part in parts { bytes.append(contentsOf: part) }
      return bytes
    }

    /// Reads a message; `nil` when it is malformed.
    public init?(_ bytes: [UInt8]) {
      guard bytes.count >= HelperWire.replyBytes, HelperWire.number(bytes, 0) == UInt64(HelperWire.replyMark),
        HelperWire.number(bytes, 8) <= 1, let resident = Int(exactly: HelperWire.number(bytes, 48))
      else { return nil }
      var position = HelperWire.replyBytes
      var parts: [ArraySlice<UInt8>] = []
      for index in 0..<4 {
        guard let length = Int(exactly: HelperWire.number(bytes, 16 + index * 8)), length <= bytes.count - position
        else {
          return nil
        }
        parts.append(bytes[position..<position + length])
        position += length
      }
      guard position == bytes.count else { return nil }
      isError = HelperWire.number(bytes, 8) == 1
      residentBytes = resident
      self.parts = parts
    }
  }

  private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func number(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
    bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
  }
}
