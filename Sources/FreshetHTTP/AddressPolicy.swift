#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Which network addresses may be connected to.
///
/// Judged on the address that a connection is about to be made to, after names were resolved: a name that resolves to
/// another address the second time gains nothing.
public struct AddressPolicy: Hashable, Sendable {
  /// A host with its port, as a trusted configuration names it.
  public struct Endpoint: Hashable, Sendable {
    /// The host's name or address, lower case.
    public let host: String
    /// The port.
    public let port: Int

    /// Names an endpoint.
    public init(host: String, port: Int) {
      self.host = host.lowercased()
      self.port = port
    }
  }

  /// Endpoints that may have any address: the user trusts them by name.
  public var trusted: Set<Endpoint>

  /// Public addresses only, but for these endpoints.
  public init(trusted: Set<Endpoint> = []) {
    self.trusted = trusted
  }

  /// Whether the address belongs to the public internet: neither private, loopback, link-local, shared, multicast,
  /// reserved, nor one of these in the clothes of IPv6 (the special-purpose registries of RFC 6890 and what came after).
  ///
  /// Anything but IPv4 and IPv6 is not public.
  public static func isPublic(_ address: UnsafePointer<sockaddr>, size: Int) -> Bool {
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      guard size >= MemoryLayout<sockaddr_in>.size else { return false }
      return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        isPublic(v4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
      }
    case AF_INET6:
      guard size >= MemoryLayout<sockaddr_in6>.size else { return false }
      return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
        withUnsafeBytes(of: pointer.pointee.sin6_addr) { isPublic(v6: Array($0)) }
      }
    default: return false
    }
  }

  /// The same for a numeric address in text form; `false` for anything else.
  public static func isPublic(_ text: String) -> Bool {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 { return isPublic(v4: UInt32(bigEndian: v4.s_addr)) }
    var v6 = in6_addr()
    guard inet_pton(AF_INET6, text, &v6) == 1 else { return false }
    return withUnsafeBytes(of: v6) { isPublic(v6: Array($0)) }
  }

  /// Whether a host is written as an address, or as this machine: who reads it sees where it leads, which cannot be said of
  /// a name.
  public static func isLiteral(_ host: String) -> Bool {
    var v4 = in_addr()
    var v6 = in6_addr()
    let name = host.lowercased()
    return inet_pton(AF_INET, name, &v4) == 1 || inet_pton(AF_INET6, name, &v6) == 1 || name == "localhost"
      || name.hasSuffix(".localhost")
  }

  private static let reservedV4: [(UInt32, Int)] = [
    (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16), (0xAC10_0000, 12),
    (0xC000_0000, 24), (0xC000_0200, 24), (0xC058_6300, 24), (0xC0A8_0000, 16), (0xC612_0000, 15), (0xC633_6400, 24),
    (0xCB00_7100, 24), (0xE000_0000, 4), (0xF000_0000, 4),
  ]

  private static func isPublic(v4 address: UInt32) -> Bool {
    !reservedV4.contains { prefix, length in address >> UInt32(32 - length) == prefix >> UInt32(32 - length) }
  }

  private static func isPublic(v6 bytes: [UInt8]) -> Bool {
    guard bytes.count == 16 else { return false }
    func v4(at offset: Int) -> Bool {
      isPublic(v4: bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) })
    }
    // ::ffff:0:0/96 (mapped) and 64:ff9b::/96 (NAT64) carry an IPv4 address at their end.
    if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF { return v4(at: 12) }
    if bytes[..<12].elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]) { return v4(at: 12) }
    // 2002::/16 (6to4) after its prefix.
    if bytes[0] == 0x20, bytes[1] == 0x02 { return v4(at: 2) }
    // Only 2000::/3 is given out; of it, 2001::/23 is for protocols (Teredo, benchmarks), 2001:db8::/32 and 3fff::/20 are
    // for documentation.
    guard bytes[0] & 0xE0 == 0x20 else { return false }
    if bytes[0] == 0x20, bytes[1] == 0x01, bytes[2] & 0xFE == 0 { return false }
    if bytes[..<4].elementsEqual([0x20, 0x01, 0x0D, 0xB8]) { return false }
    if bytes[0] == 0x3F, bytes[1] == 0xFF, bytes[2] & 0xF0 == 0 { return false }
    return true
  }
}
