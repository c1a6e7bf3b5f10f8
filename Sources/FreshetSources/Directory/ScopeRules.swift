import FreshetModel

/// The configured patterns, compiled: decides whether a path belongs to a source, and says why not.
struct ScopeRules: Sendable {
  private struct Rule: Sendable {
    let text: String
    let pattern: PathPattern
    /// Matched on the last name instead of the path.
    let isNameOnly: Bool
    let isFolderOnly: Bool
    /// What stands before `/**`: a folder that matches it need not be entered.
    let folder: PathPattern?

    func matches(_ path: UnsafeRawBufferPointer, nameOffset: Int) -> Bool {
      pattern.matches(isNameOnly ? UnsafeRawBufferPointer(rebasing: path[nameOffset...]) : path)
    }
  }

  private let include: [Rule]
  private let exclude: [Rule]
  private let includesHidden: Bool

  /// - Throws: `FreshetError` with `invalid_configuration`, naming the pattern.
  init(_ configuration: DirectoryConfiguration) throws {
    let owner = " of the source “\(configuration.name)”"
    include = try configuration.include.flatMap { try Self.compile($0, owner: owner, including: true) }
    let setAside = configuration.setAsideFolder.map { ["/" + $0 + "/"] } ?? []
    exclude = try (configuration.exclude + setAside).flatMap { try Self.compile($0, owner: owner, including: false) }
    includesHidden = configuration.includesHidden
  }

  /// Includes what fits one of the patterns, hidden files as well.
  ///
  /// - Throws: `FreshetError` with `invalid_configuration`, naming the pattern.
  init(include patterns: [String]) throws {
    include = try patterns.flatMap { try Self.compile($0, owner: "", including: true) }
    exclude = []
    includesHidden = true
  }

  private static func compile(_ text: String, owner: String, including: Bool) throws -> [Rule] {
    guard let expanded = PathPattern.expandBraces(Array(text.utf8)) else {
      throw FreshetError(
        .invalidConfiguration,
        "the pattern “\(text)”\(owner) stands for more than 256 patterns; write fewer braces"
      )
    }
    return try expanded.flatMap { including ? withContents($0) : [$0] }.map { bytes in
      var bytes = bytes[...]
      if bytes.starts(with: "./".utf8) { bytes = bytes.dropFirst(2) }
      let isFolderOnly = bytes.last == UInt8(ascii: "/")
      if isFolderOnly { bytes = bytes.dropLast() }
      let isNameOnly = !bytes.contains(UInt8(ascii: "/"))
      if bytes.first == UInt8(ascii: "/") { bytes = bytes.dropFirst() }
      guard !bytes.isEmpty, let pattern = PathPattern(bytes) else {
        throw FreshetError(
          .invalidConfiguration,
          "the pattern “\(text)”\(owner) is not valid; close its brackets, and write \\[ for a bracket "
            + "itself"
        )
      }
      let suffix = Array("/**".utf8)
      let folder = bytes.count > 3 && Array(bytes.suffix(3)) == suffix ? PathPattern(bytes.dropLast(3)) : nil
      return Rule(
        text: text,
        pattern: pattern,
        isNameOnly: isNameOnly,
        isFolderOnly: isFolderOnly,
        folder: folder
      )
    }
  }

  /// An include pattern that names a folder stands for what is in it: with a slash at the end for that alone, and without
  /// wildcards also for it. Patterns are matched on files, so the folder itself would match nothing.
  private static func withContents(_ pattern: [UInt8]) -> [[UInt8]] {
    let slash = UInt8(ascii: "/")
    let isFolder = pattern.last == slash
    let wildcards = Array("*?[\\".utf8)
    guard isFolder || !pattern.contains(where: { wildcards.contains($0) }) else { return [pattern] }
    var folder = isFolder ? pattern.dropLast() : pattern[...]
    if folder.starts(with: "./".utf8) { folder = folder.dropFirst(2) }
    guard !folder.isEmpty else { return [Array("**".utf8)] }
    let anywhere = folder.contains(slash) ? [] : Array("**/".utf8)
    let contents = anywhere + folder + Array("/**".utf8)
    return isFolder ? [contents] : [pattern, contents]
  }

  /// Why a folder is not entered; `nil` when it is.
  func reasonAgainst(folder path: UnsafeRawBufferPointer, nameOffset: Int) -> String? {
    if let reason = reasonAgainstName(path, nameOffset) { return reason }
    for rule in exclude where rule.matches(path, nameOffset: nameOffset) || rule.folder?.matches(path) == true {
      return "the pattern “\(rule.text)” excludes its folder"
    }
    return nil
  }

  /// Why a file is no item; `nil` when it is.
  func reasonAgainst(file path: UnsafeRawBufferPointer, nameOffset: Int) -> String? {
    if let reason = reasonAgainstName(path, nameOffset) { return reason }
    for rule in exclude where !rule.isFolderOnly && rule.matches(path, nameOffset: nameOffset) {
      return "the pattern “\(rule.text)” excludes it"
    }
    if include.isEmpty { return nil }
    for rule in include where !rule.isFolderOnly && rule.matches(path, nameOffset: nameOffset) { return nil }
    return "no include pattern matches it"
  }

  private func reasonAgainstName(_ path: UnsafeRawBufferPointer, _ nameOffset: Int) -> String? {
    guard path[nameOffset] == UInt8(ascii: ".") else { return nil }
    if path[nameOffset...].elementsEqual(".freshet".utf8) { return "it is in a collection's own folder" }
    return includesHidden ? nil : "hidden files are left out (hidden: true includes them)"
  }
}
