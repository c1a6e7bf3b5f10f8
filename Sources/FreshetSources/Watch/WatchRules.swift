import FreshetModel
import FreshetSystem

/// Which folders are watched and which files matter: what the walker of the source would enter and list.
///
/// An ignore file that cannot be read leaves nothing out here: more is watched than is listed, never less.
struct WatchRules {
  let configuration: DirectoryConfiguration
  let ignoreFiles: IgnoreFiles
  private let scope: ScopeRules
  private var enclosing: EnclosingIgnoreFiles?
  private var own: [FolderTree.ID: [(name: String, rules: IgnoreRules)]] = [:]
  /// The rules of the folder that was asked about last.
  private var last: (folder: FolderTree.ID, stack: IgnoreStack)?

  init(_ source: DirectorySource) {
    configuration = source.configuration
    scope = source.scope
    ignoreFiles = IgnoreFiles(respectsGitignore: configuration.respectsGitignore)
  }

  /// Whether files of that name say what belongs to the source.
  func isIgnoreFile(_ name: [UInt8]) -> Bool {
    name.first == UInt8(ascii: ".") && ignoreFiles.names.contains { name.elementsEqual($0.utf8) }
  }

  /// Reads the ignore files above the root again.
  mutating func readEnclosing() {
    enclosing = try? EnclosingIgnoreFiles(above: configuration)
    last = nil
  }

  /// Reads a folder's ignore files again.
  mutating func read(_ id: FolderTree.ID, in folder: Descriptor) {
    own[id] = (try? ignoreFiles.read(in: folder)).flatMap { $0.isEmpty ? nil : $0 }
    last = nil
  }

  mutating func forget(_ ids: [FolderTree.ID]) {
    for id in ids { own[id] = nil }
    last = nil
  }

  /// The folders have other paths now.
  mutating func pathsChanged() {
    last = nil
  }

  /// Whether a folder in this one is entered.
  mutating func enters(_ path: [UInt8], in id: FolderTree.ID, _ tree: FolderTree) -> Bool {
    guard configuration.isRecursive else { return false }
    guard path.reduce(1, { $0 + ($1 == UInt8(ascii: "/") ? 1 : 0) }) <= configuration.depthMax else { return false }
    let name = path.nameOffset
    return path.withUnsafeBytes { bytes in
      scope.reasonAgainst(folder: bytes, nameOffset: name) == nil
        && stack(of: id, tree).reason(bytes, nameOffset: name, isFolder: true) == nil
    }
  }

  /// Whether a file in this folder can be an item, as far as its path says.
  mutating func includes(_ path: [UInt8], in id: FolderTree.ID, _ tree: FolderTree) -> Bool {
    let name = path.nameOffset
    return path.withUnsafeBytes { bytes in
      scope.reasonAgainst(file: bytes, nameOffset: name) == nil
        && stack(of: id, tree).reason(bytes, nameOffset: name, isFolder: false) == nil
    }
  }

  private mutating func stack(of id: FolderTree.ID, _ tree: FolderTree) -> IgnoreStack {
    if let last, last.folder == id { return last.stack }
    var stack = IgnoreStack()
    if let enclosing { stack.push(enclosing) }
    if !own.isEmpty {
      for folder in tree.lineage(of: id).reversed() {
        guard let files = own[folder], let path = tree.path(of: folder) else { continue }
        for file in files { stack.push(file.rules, prefix: path.isEmpty ? 0 : path.count + 1, file: file.name) }
      }
    }
    last = (id, stack)
    return stack
  }
}

extension [UInt8] {
  /// Where the last name starts.
  var nameOffset: Int { lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0 }

  /// The path of a name in this folder.
  func appending(_ name: [UInt8]) -> [UInt8] { isEmpty ? name : self + [UInt8(ascii: "/")] + name }
}
