import FreshetModel
import FreshetSystem

/// Which files of a folder are a source's items.
public struct DirectoryConfiguration: Sendable {
  /// What happens with symbolic links.
  public enum LinkPolicy: String, Sendable, CaseIterable {
    /// Links are no items.
    case ignore
    /// A link to a file is an item if its target lies inside the root; links to folders are not followed.
    case filesWithinRoot = "files"
    /// Links to folders inside the root are followed too, except into a folder that they stand in.
    case foldersWithinRoot = "folders"
  }

  /// 100 MB.
  public static let defaultFileSizeMax: Int64 = 100_000_000
  /// Folders within folders that are walked.
  public static let defaultDepthMax = 4_096

  /// The source's name, unique in the collection.
  public var name: String
  /// The absolute path of the folder.
  public var path: String
  /// Patterns of paths that are items; none: every path. A pattern without a slash is matched on the last name, as in an
  /// ignore file; `{a,b}` stands for either. A slash at the end means everything in that folder, and so does a name
  /// without wildcards when a folder has it.
  public var include: [String]
  /// Patterns of files that are no items and of folders that are not entered.
  public var exclude: [String]
  /// Whether `.gitignore` files in the root and below are obeyed (those above the root are not); `.freshetignore` files
  /// always are.
  public var respectsGitignore: Bool
  /// Whether names that start with a dot count.
  public var includesHidden: Bool
  /// What happens with links.
  public var links: LinkPolicy
  /// Whether folders in the root are entered.
  public var isRecursive: Bool
  /// Files above so many bytes are reported and left out.
  public var fileSizeMax: Int64
  /// Folders below so many others are reported and not entered.
  public var depthMax: Int
  /// Absolute paths of folders that are never entered: the collection's own, and other sources inside this one.
  public var excludedFolders: [String]
  /// A folder below the root, relative to it, that takes the files whose documents failed for good; it is never entered.
  /// `nil` when they stay where they are. Its name has no wildcards.
  public var setAsideFolder: String?
  /// Metadata of every document.
  public var metadata: Metadata

  /// Describes a source with the defaults.
  public init(
    name: String,
    path: String,
    include: [String] = [],
    exclude: [String] = [],
    respectsGitignore: Bool = true,
    includesHidden: Bool = false,
    links: LinkPolicy = .filesWithinRoot,
    isRecursive: Bool = true,
    fileSizeMax: Int64 = Self.defaultFileSizeMax,
    depthMax: Int = Self.defaultDepthMax,
    excludedFolders: [String] = [],
    setAsideFolder: String? = nil,
    metadata: Metadata = [:]
  ) {
    self.name = name
    self.path = path
    self.include = include
    self.exclude = exclude
    self.respectsGitignore = respectsGitignore
    self.includesHidden = includesHidden
    self.links = links
    self.isRecursive = isRecursive
    self.fileSizeMax = fileSizeMax
    self.depthMax = depthMax
    self.excludedFolders = excludedFolders
    self.setAsideFolder = setAsideFolder
    self.metadata = metadata
  }

  /// The rules in one unambiguous form, hashed.
  var fingerprint: String {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-directory/1".utf8)
    for list in [include, exclude, excludedFolders] {
      encoder.append(UInt64(list.count))
      for entry in list { encoder.append(bytes: entry.utf8) }
    }
    if let setAsideFolder { encoder.append(bytes: "set-aside \(setAsideFolder)".utf8) }
    encoder.append(bytes: "\(respectsGitignore) \(includesHidden) \(links.rawValue) \(isRecursive)".utf8)
    encoder.append(signed: fileSizeMax)
    encoder.append(signed: Int64(depthMax))
    return SHA256.digest(of: encoder.bytes).description
  }
}
