/// A pattern of paths, compiled; it is matched on the bytes that the file system has.
///
/// `*` stands for any bytes but `/`, `?` for one, `[…]` for one of a set (`!` or `^` negates, ranges, `[:alpha:]`), `**/` at
/// the start or after a slash for any number of folders, `/**` at the end for everything inside, a backslash takes the
/// next byte as it is. Matching takes time proportional to pattern times path at most.
public struct PathPattern: Sendable {
  private enum Token: Sendable {
    case byte(UInt8)
    case anyByte
    case set(ByteSet)
    /// `*`
    case star
    /// `**/`: nothing, or folders with their slashes.
    case folders
    /// `**` at the end.
    case everything
  }

  private let tokens: [Token]
  /// A suffix that decides most paths with one comparison, when the pattern is `*` or `**/*` and literal bytes.
  private let literalSuffix: [UInt8]?

  /// Compiles a pattern without braces; `nil` when a `[` is never closed or it ends in a backslash: such a pattern matches
  /// nothing.
  public init?(_ pattern: some Collection<UInt8>) {
    self.init(pattern, literalStartIsFolder: false)
  }

  /// - Parameter literalStartIsFolder: whether `**` right after the bytes before the first wildcard is as good as after a
  ///   slash: git compares those bytes first, and then matches the rest as a pattern of its own (`a**/b` matches `ab`).
  init?(_ pattern: some Collection<UInt8>, literalStartIsFolder: Bool) {
    let bytes = Array(pattern)
    let wildcards = Array("*?[\\".utf8)
    let literalCount = literalStartIsFolder ? bytes.prefix { !wildcards.contains($0) }.count : 0
    var tokens: [Token] = []
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\\"):
        guard index < bytes.count else { return nil }
        tokens.append(.byte(bytes[index]))
        index += 1
      case UInt8(ascii: "?"): tokens.append(.anyByte)
      case UInt8(ascii: "["):
        guard let set = ByteSet(bytes, &index) else { return nil }
        tokens.append(.set(set))
      case UInt8(ascii: "*"):
        let start = index - 1
        while index < bytes.count, bytes[index] == UInt8(ascii: "*") { index += 1 }
        let startsPart = start == literalCount || start == 0 || bytes[start - 1] == UInt8(ascii: "/")
        let isDouble = index - start >= 2 && startsPart
        if isDouble, index == bytes.count {
          tokens.append(.everything)
        } else if isDouble, bytes[index] == UInt8(ascii: "/") {
          index += 1
          tokens.append(.folders)
        } else {
          tokens.append(.star)
        }
      default: tokens.append(.byte(byte))
      }
    }
    self.tokens = tokens
    literalSuffix = Self.suffix(of: tokens)
  }

  private static func suffix(of tokens: [Token]) -> [UInt8]? {
    guard tokens.count > 2, case .folders = tokens[0], case .star = tokens[1] else { return nil }
    var suffix: [UInt8] = []
    for token in tokens.dropFirst(2) {
      guard case .byte(let byte) = token, byte != UInt8(ascii: "/") else { return nil }
      suffix.append(byte)
    }
    return suffix
  }

  /// Whether the pattern stands for the whole of the path.
  public func matches(_ path: UnsafeRawBufferPointer) -> Bool {
    if let literalSuffix {
      guard path.count >= literalSuffix.count else { return false }
      let offset = path.count - literalSuffix.count
      for index in literalSuffix.indices where path[offset + index] != literalSuffix[index] { return false }
      return true
    }
    // Where to take up again after a mismatch: the last `*` within its part, else the last `**/` at the next folder. An
    // earlier one need not be tried again: what the last one skips includes what the earlier one would have.
    var (index, place) = (0, 0)
    var star: (token: Int, place: Int)?
    var folders: (token: Int, place: Int)?
    while true {
      if index < tokens.count {
        switch tokens[index] {
        case .everything: return true
        case .star:
          index += 1
          star = (index, place)
          continue
        case .folders:
          index += 1
          folders = (index, place)
          star = nil
          continue
        case .byte(let byte):
          if place < path.count, path[place] == byte {
            if byte == UInt8(ascii: "/") { star = nil }
            (index, place) = (index + 1, place + 1)
            continue
          }
        case .anyByte:
          if place < path.count, path[place] != UInt8(ascii: "/") {
            (index, place) = (index + 1, place + 1)
            continue
          }
        case .set(let set):
          if place < path.count, path[place] != UInt8(ascii: "/"), set.contains(path[place]) {
            (index, place) = (index + 1, place + 1)
            continue
          }
        }
      } else if place == path.count {
        return true
      }
      if let last = star, last.place < path.count, path[last.place] != UInt8(ascii: "/") {
        star = (last.token, last.place + 1)
        (index, place) = (last.token, last.place + 1)
      } else if let last = folders, let slash = path[last.place...].firstIndex(of: UInt8(ascii: "/")) {
        folders = (last.token, slash + 1)
        star = nil
        (index, place) = (last.token, slash + 1)
      } else {
        return false
      }
    }
  }

  /// Whether the pattern stands for the whole of the path.
  public func matches(_ path: [UInt8]) -> Bool {
    path.withUnsafeBytes { matches($0) }
  }

  /// The patterns that a pattern with `{a,b}` stands for; nested braces too. A brace that is never closed is itself.
  ///
  /// - Returns: `nil` above `limit` patterns.
  public static func expandBraces(_ pattern: [UInt8], limit: Int = 256) -> [[UInt8]]? {
    var (finished, open): ([[UInt8]], [[UInt8]]) = ([], [pattern])
    while let next = open.popLast() {
      guard let (start, commas, end) = firstBraces(next) else {
        finished.append(next)
        continue
      }
      guard finished.count + open.count + commas.count + 1 <= limit else { return nil }
      var from = start + 1
      for to in commas + [end] {
        open.append(Array(next[..<start] + next[from..<to] + next[(end + 1)...]))
        from = to + 1
      }
    }
    return finished
  }

  private static func firstBraces(_ pattern: [UInt8]) -> (start: Int, commas: [Int], end: Int)? {
    var (depth, start, commas): (Int, Int, [Int]) = (0, 0, [])
    var (index, inSet) = (0, false)
    while index < pattern.count {
      switch pattern[index] {
      case UInt8(ascii: "\\"): index += 1
      case UInt8(ascii: "["): inSet = true
      case UInt8(ascii: "]"): inSet = false
      case UInt8(ascii: "{") where !inSet:
        if depth == 0 { (start, commas) = (index, []) }
        depth += 1
      case UInt8(ascii: ",") where depth == 1: commas.append(index)
      case UInt8(ascii: "}") where depth > 0:
        depth -= 1
        // `{a}` has nothing to choose from: it stands for itself, as in a shell.
        if depth == 0, !commas.isEmpty { return (start, commas, index) }
      default: break
      }
      index += 1
    }
    return nil
  }
}

/// Some of the 256 bytes.
private struct ByteSet: Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  func contains(_ byte: UInt8) -> Bool {
    let bit = UInt64(1) << UInt64(byte & 63)
    return switch byte >> 6 {
    case 0: words.0 & bit != 0
    case 1: words.1 & bit != 0
    case 2: words.2 & bit != 0
    default: words.3 & bit != 0
    }
  }

  private mutating func insert(_ byte: UInt8) {
    let bit = UInt64(1) << UInt64(byte & 63)
    switch byte >> 6 {
    case 0: words.0 |= bit
    case 1: words.1 |= bit
    case 2: words.2 |= bit
    default: words.3 |= bit
    }
  }

  /// Reads what follows a `[`, up to its `]`.
  init?(_ bytes: [UInt8], _ index: inout Int) {
    var negated = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "!") || bytes[index] == UInt8(ascii: "^") {
      negated = true
      index += 1
    }
    var isFirst = true
    while true {
      guard index < bytes.count else { return nil }
      if bytes[index] == UInt8(ascii: "]"), !isFirst { break }
      isFirst = false
      if bytes[index] == UInt8(ascii: "["), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: ":"),
        let end = bytes[(index + 2)...].firstIndex(of: UInt8(ascii: "]")), end > index + 2,
        bytes[end - 1] == UInt8(ascii: ":")
      {
        guard let members = Self.named(String(decoding: bytes[(index + 2)..<(end - 1)], as: UTF8.self)) else {
          return nil
        }
        for byte in UInt8.min...UInt8.max where members(byte) { insert(byte) }
        index = end + 1
        continue
      }
      guard let low = Self.member(bytes, &index) else { return nil }
      if index + 1 < bytes.count, bytes[index] == UInt8(ascii: "-"), bytes[index + 1] != UInt8(ascii: "]") {
        index += 1
        guard let high = Self.member(bytes, &index) else { return nil }
        if low <= high { for byte in low...high { insert(byte) } }
      } else {
        insert(low)
      }
    }
    index += 1
    if negated { words = (~words.0, ~words.1, ~words.2, ~words.3) }
  }

  private static func member(_ bytes: [UInt8], _ index: inout Int) -> UInt8? {
    if index < bytes.count, bytes[index] == UInt8(ascii: "\\") { index += 1 }
    guard index < bytes.count else { return nil }
    defer { index += 1 }
    return bytes[index]
  }

  private static func named(_ name: String) -> ((UInt8) -> Bool)? {
    func within(_ byte: UInt8, _ ranges: ClosedRange<Character>...) -> Bool {
      ranges.contains { $0.contains(Character(Unicode.Scalar(byte))) && byte < 128 }
    }
    return switch name {
    case "alpha": { within($0, "a"..."z", "A"..."Z") }
    case "digit": { within($0, "0"..."9") }
    case "alnum": { within($0, "a"..."z", "A"..."Z", "0"..."9") }
    case "upper": { within($0, "A"..."Z") }
    case "lower": { within($0, "a"..."z") }
    case "xdigit": { within($0, "a"..."f", "A"..."F", "0"..."9") }
    case "space": { $0 == 32 || (9...13).contains($0) }
    case "blank": { $0 == 32 || $0 == 9 }
    case "cntrl": { $0 < 32 || $0 == 127 }
    case "graph": { (33...126).contains($0) }
    case "print": { (32...126).contains($0) }
    case "punct": { (33...126).contains($0) && !within($0, "a"..."z", "A"..."Z", "0"..."9") }
    default: nil
    }
  }
}
