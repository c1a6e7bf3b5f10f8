import FreshetModel

/// Which file a name is of: as long as somebody has the file open, no other one on the machine has the same.
public struct FileIdentity: Hashable, Sendable {
  /// The number of the device it lies on.
  public var device: UInt64
  /// Its number there.
  public var inode: UInt64

  /// Names a file.
  public init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }

  /// What a path is of, the links of its last part not followed unless asked for; `nil` where there is nothing.
  ///
  /// - Throws: `FreshetError` where that cannot be told.
  public static func present(
    at path: String,
    in folder: Descriptor? = nil,
    followingLinks: Bool = true
  ) throws -> FileIdentity? {
    do {
      return try FileStatus(of: path, in: folder, followingLinks: followingLinks).identity
    } catch let error as FreshetError where error.code == .notFound {
      return nil
    }
  }
}
