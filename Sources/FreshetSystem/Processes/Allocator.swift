import CSystem

/// How the process's memory allocator behaves.
public enum Allocator {
  /// Bytes from which a block goes back to the system as soon as it is freed.
  static let largeBlockBytes: Int32 = 1 << 20
  /// Free bytes that an arena may keep at its end.
  static let keptBytes: Int32 = 16 << 20

  /// Lets freed blocks of a document's size go back to the system at once.
  ///
  /// glibc learns from the first large block that is freed to keep all blocks up to its size, and so a process holds on to
  /// the memory of the largest documents that it has seen. For programs, before they do anything else; does nothing with
  /// another C library.
  public static func returnLargeBlocks() {
    freshet_tune_allocator(largeBlockBytes, keptBytes)
  }

  /// Gives all free memory back to the system, of every arena: what many small blocks left behind as well. Takes
  /// milliseconds for each gigabyte; does nothing with another C library than glibc.
  public static func trim() {
    freshet_trim_allocator()
  }
}
