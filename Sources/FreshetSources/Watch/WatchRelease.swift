/// What is to be looked at now: changes that have settled.
///
/// It says where, never what: each of the paths may have come, changed or gone, and be out of the source's scope. The two
/// ends of a rename are always in the same release.
public struct WatchRelease: Sendable, Equatable {
  /// The source's name.
  public var source: String
  /// Files to look at, relative to the root, in the order of their bytes; none lies in one of the folders.
  public var files: [[UInt8]]
  /// Folders to list again with everything below; none lies in another.
  public var folders: [[UInt8]]
  /// The whole source is to be listed again; `files` and `folders` are empty then.
  public var isEverything: Bool
  /// How long ago the first of the changes was seen.
  public var age: Duration

  /// Describes a release.
  public init(
    source: String,
    files: [[UInt8]] = [],
    folders: [[UInt8]] = [],
    isEverything: Bool = false,
    age: Duration = .zero
  ) {
    self.source = source
    self.files = files
    self.folders = folders
    self.isEverything = isEverything
    self.age = age
  }

  /// Files and folders, as a source's listing takes them: none means everything.
  public var paths: [[UInt8]] { isEverything ? [] : files + folders }
}
