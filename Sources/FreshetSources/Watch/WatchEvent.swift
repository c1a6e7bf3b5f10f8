/// Something that happened in a watched directory. Paths are relative to its root; the root's own is empty.
public enum WatchEvent: Sendable, Equatable {
  /// A file came into being, and is probably being written. A folder's coming says nothing in itself: whoever sees it
  /// says what is in it.
  case created([UInt8], isFolder: Bool)
  /// A file was written or cut.
  case modified([UInt8])
  /// A file that was open for writing was closed.
  case closed([UInt8])
  /// Permissions, times or owner changed.
  case attributes([UInt8], isFolder: Bool)
  /// The old end of a rename; the new one has the same cookie, and never comes when it lies elsewhere.
  case movedFrom([UInt8], cookie: UInt32, isFolder: Bool)
  /// The new end of a rename.
  case movedTo([UInt8], cookie: UInt32, isFolder: Bool)
  /// A file, or a folder with everything in it, is gone.
  case deleted([UInt8], isFolder: Bool)
  /// Anything may have happened in this folder and below it: events or its watch were lost, or the rules changed that
  /// say what belongs to the source.
  case lost([UInt8])
  /// The answer to a question whether somebody has the file open for writing.
  case writers([UInt8], FileWriters)
}

/// Whether somebody has a file open for writing.
public enum FileWriters: String, Sendable {
  case some, none
  /// The system does not tell: another user's file, a file system without leases.
  case unknown
}
