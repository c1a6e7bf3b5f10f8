import FreshetModel

/// The rules of one ignore file, as git reads `.gitignore` (gitignore(5)).
struct IgnoreRules: Sendable {
  /// One line.
  struct Rule: Sendable {
    let pattern: PathPattern
    /// The line as it stands in the file, to say it.
    let text: String
    /// It takes back an earlier rule (`!`).
    let isNegated: Bool
    /// It is about folders alone (a slash at the end).
    let isFolderOnly: Bool
    /// It is matched on the path from the file's folder, else on the last name.
    let isAnchored: Bool
  }

  private(set) var rules: [Rule] = []
  /// The most rules of one file.
  static let ruleCountMax = 10_000
  /// The most bytes of one file.
  static let fileSizeMax = 1 << 20

  /// Reads a file; lines that mean nothing are left out, as git does.
  ///
  /// - Throws: `FreshetError` with `too_complex` for more rules than the limit: obeying a part of them would let in what
  ///   the others keep out.
  init(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
    for line in rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
      guard let rule = Self.rule(line) else { continue }
      guard rules.count < Self.ruleCountMax else {
        throw FreshetError(.tooComplex, "it has more than \(Self.ruleCountMax) rules; write fewer, with wildcards")
      }
      rules.append(rule)
    }
  }

  /// Rules in order: those of `later` win.
  mutating func append(_ later: IgnoreRules) {
    rules += later.rules
  }

  private static func rule(_ line: ArraySlice<UInt8>) -> Rule? {
    var line = line
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    guard line.first != UInt8(ascii: "#") else { return nil }
    line = withoutTrailingSpaces(line)
    let text = String(decoding: line, as: UTF8.self)
    let isNegated = line.first == UInt8(ascii: "!")
    if isNegated { line = line.dropFirst() }
    let isFolderOnly = line.last == UInt8(ascii: "/")
    if isFolderOnly { line = line.dropLast() }
    let isAnchored = line.contains(UInt8(ascii: "/"))
    if line.first == UInt8(ascii: "/") { line = line.dropFirst() }
    guard !line.isEmpty, let pattern = PathPattern(line, literalStartIsFolder: isAnchored) else { return nil }
    return Rule(
      pattern: pattern,
      text: text,
      isNegated: isNegated,
      isFolderOnly: isFolderOnly,
      isAnchored: isAnchored
    )
  }

  /// Spaces at the end do not count, unless a backslash stands before them.
  private static func withoutTrailingSpaces(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var index = line.startIndex
    var end = index
    while index < line.endIndex {
      if line[index] == UInt8(ascii: "\\") {
        index = min(index + 2, line.endIndex)
        end = index
      } else {
        index += 1
        if line[index - 1] != UInt8(ascii: " ") { end = index }
      }
    }
    return line[..<end]
  }

  /// The last rule that is about the path.
  ///
  /// - Parameters:
  ///   - path: from the file's folder.
  ///   - nameOffset: where the last name starts in it.
  func decision(_ path: UnsafeRawBufferPointer, nameOffset: Int, isFolder: Bool) -> Rule? {
    let name = UnsafeRawBufferPointer(rebasing: path[nameOffset...])
    return rules.last {
      (isFolder || !$0.isFolderOnly) && $0.pattern.matches($0.isAnchored ? path : name)
    }
  }
}

/// The ignore files from the root down to a folder.
struct IgnoreStack: Sendable {
  private struct Level {
    /// The length of the folder's path with its slash; 0 for the root, and -1 above it.
    let prefix: Int
    let file: String
    let rules: IgnoreRules
    /// The path from the folder to the root, for one above it.
    var lead: [UInt8] = []

    /// The last rule that is about the path, which starts at the root.
    func decision(_ path: UnsafeRawBufferPointer, nameOffset: Int, isFolder: Bool) -> IgnoreRules.Rule? {
      if prefix >= 0 {
        let relative = UnsafeRawBufferPointer(rebasing: path[prefix...])
        return rules.decision(relative, nameOffset: nameOffset - prefix, isFolder: isFolder)
      }
      return (lead + path).withUnsafeBytes {
        rules.decision($0, nameOffset: nameOffset + lead.count, isFolder: isFolder)
      }
    }
  }

  private var levels: [Level] = []

  /// Puts the files above the root below all others.
  mutating func push(_ enclosing: EnclosingIgnoreFiles) {
    for file in enclosing.files where !file.rules.rules.isEmpty {
      levels.append(Level(prefix: -1, file: file.name, rules: file.rules, lead: file.lead))
    }
  }

  /// Enters a folder that has rules.
  mutating func push(_ rules: IgnoreRules, prefix: Int, file: String) {
    if !rules.rules.isEmpty { levels.append(Level(prefix: prefix, file: file, rules: rules)) }
  }

  /// Leaves the folders whose paths are as long or longer.
  mutating func pop(to prefix: Int) {
    while let last = levels.last, last.prefix >= prefix { levels.removeLast() }
  }

  /// Why a path is ignored; `nil` when it is not. Its folders must have been asked before: nothing below an ignored one
  /// comes back.
  func reason(_ path: UnsafeRawBufferPointer, nameOffset: Int, isFolder: Bool) -> String? {
    for level in levels.reversed() {
      if let rule = level.decision(path, nameOffset: nameOffset, isFolder: isFolder) {
        return rule.isNegated ? nil : "the rule “\(rule.text)” of \(level.file) leaves it out"
      }
    }
    return nil
  }

  var isEmpty: Bool { levels.isEmpty }
}
