/// Memory that starts at a cache line and grows by doubling; what was never written is undefined.
///
/// Whoever fills it owns it alone; once it is shared nobody writes it again.
final class AlignedMemory {
  private(set) var bytes: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  /// The alignment of every section of an index: a cache line, and the widest load of the kernels.
  static let alignment = 64

  init(capacity: Int) {
    bytes = .allocate(byteCount: max(capacity, Self.alignment), alignment: Self.alignment)
  }

  deinit {
    bytes.deallocate()
  }

  /// Makes room for so many more bytes and answers where they start.
  func extend(by more: Int) -> UnsafeMutableRawPointer {
    if count + more > bytes.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(count + more, bytes.count * 2),
        alignment: Self.alignment
      )
      larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      bytes.deallocate()
      bytes = larger
    }
    defer { count += more }
    return start + count
  }

  /// The first byte.
  var start: UnsafeMutableRawPointer {
    // The buffer is never empty (`init`), so that it has an address.
    bytes.baseAddress.unsafelyUnwrapped
  }
}
