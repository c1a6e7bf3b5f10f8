import FreshetFormats
import FreshetModel
import FreshetSystem

/// Parses a JSON object as a document, an array or JSON Lines as many.
///
/// A member is named by its identifier field, else by its content's hash, never by its place. Equal members are one
/// document; a second member of the same name with other content fails with `duplicate_origin`.
struct JSONFileParser: Parser {
  let isLines: Bool
  let options: JSONOptions
  let helpers: HelperPool

  /// Changes with what is made of equal bytes.
  static let version = 1

  var fingerprint: String { "\(format)/\(Self.version)(\(options.fingerprint))" }
  var format: String { isLines ? "jsonl" : "json" }
  var isContainer: Bool { true }

  func parse(_ input: ParserInput, receive: @Sendable (ParsedDocument) async throws -> Void) async throws {
    do {
      let bytes = try await helpers.text(of: input).bytes
      if isLines {
        try await parseLines(bytes, receive)
      } else {
        try await parseValue(bytes, receive)
      }
    } catch let error as FreshetError {
      throw error.about(input.path)
    } catch let problem as JSONReader.Problem {
      throw problem.error.about(input.path)
    }
  }

  private func parseValue(_ bytes: [UInt8], _ receive: (ParsedDocument) async throws -> Void) async throws {
    let (start, isNested) = try listStart(bytes)
    guard start >= 0 else {
      guard bytes.contains(where: { $0 > 0x20 }) else { throw FreshetError.noText }
      let record = JSONRecord(try JSONReader.value(bytes), options: options)
      try await receive(ParsedDocument(rendition: .success(try record.rendition.get())))
      return
    }
    var names = MemberNames()
    var position = start
    while let (value, range, next) = try element(bytes, at: position, isFirst: position == start, isNested) {
      try Task.checkCancellation()
      position = next
      try await hand(value, Array(bytes[range]), &names, receive)
    }
  }

  /// Where the list's first element would stand; -1 when the value is a document by itself.
  private func listStart(_ bytes: [UInt8]) throws -> (position: Int, isNested: Bool) {
    let start = try bytes.withUnsafeBufferPointer { buffer in
      var reader = JSONReader(buffer)
      if reader.skip(UInt8(ascii: "[")) { return (reader.position, false) }
      guard !options.records.isEmpty, try reader.enterArray(at: options.records.split(separator: ".")) else {
        return (-1, false)
      }
      return (reader.position, true)
    }
    // What surrounds the list is checked before any of its elements is handed over.
    if start.1 { _ = try JSONReader.value(bytes) }
    return start
  }

  /// The array's next element with its bytes; `nil` at the end, after which nothing may follow a list that is the file.
  private func element(
    _ bytes: [UInt8],
    at position: Int,
    isFirst: Bool,
    _ isNested: Bool
  ) throws -> (value: JSONValue, range: Range<Int>, next: Int)? {
    try bytes.withUnsafeBufferPointer { buffer in
      var reader = JSONReader(buffer, at: position)
      if reader.skip(UInt8(ascii: "]")) {
        guard isNested || reader.isAtEnd() else { throw JSONReader.Problem.malformed(at: reader.position) }
        return nil
      }
      if !isFirst, !reader.skip(UInt8(ascii: ",")) { throw JSONReader.Problem.malformed(at: reader.position) }
      _ = reader.peek()
      let start = reader.position
      let value = try reader.value(depth: 1)
      return (value, start..<reader.position, reader.position)
    }
  }

  private func parseLines(_ bytes: [UInt8], _ receive: (ParsedDocument) async throws -> Void) async throws {
    var names = MemberNames()
    var valid = 0
    var broken = 0
    var firstBroken = 0
    var line = 0
    var start = 0
    while start < bytes.count {
      try Task.checkCancellation()
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
      let content = Array(bytes[start..<end])
      start = end + 1
      line += 1
      guard content.contains(where: { $0 > 0x20 }) else { continue }
      do {
        try await hand(try JSONReader.value(content), content, &names, receive)
        valid += 1
      } catch let problem as JSONReader.Problem {
        broken += 1
        if firstBroken == 0 { firstBroken = line }
        let name = SHA256.digest(of: content).description
        guard names.isNew(name, content) else { continue }
        try await receive(ParsedDocument(member: name, content: content, rendition: .failure(problem.error)))
      }
    }
    guard broken == 0 else {
      guard valid > 0 else { throw FreshetError(.parserFailed, "no line is valid JSON; correct them") }
      throw FreshetError(
        .partlyRead,
        broken == 1
          ? "line \(firstBroken) is not valid JSON; the others were read; correct it"
          : "\(broken) lines are not valid JSON (the first is line \(firstBroken)); the others were read; correct them"
      )
    }
  }

  private func hand(
    _ value: JSONValue,
    _ content: [UInt8],
    _ names: inout MemberNames,
    _ receive: (ParsedDocument) async throws -> Void
  ) async throws {
    let record = JSONRecord(value, options: options)
    let hash = SHA256.digest(of: content).description
    let name = record.identifier ?? hash
    if names.isNew(name, content) {
      try await receive(ParsedDocument(member: name, content: content, rendition: record.rendition))
    } else if names.hasOther(name, content), names.isNew(hash, content) {
      let error = FreshetError(
        .duplicateOrigin,
        "another member of the same file is also named \(name); give each its own identifier"
      )
      try await receive(ParsedDocument(member: hash, content: content, rendition: .failure(error)))
    }
  }
}

/// The names given so far within one item.
private struct MemberNames {
  private var hashes: [String: ContentHash] = [:]

  /// Takes the name for the content, unless it is taken.
  mutating func isNew(_ name: String, _ content: [UInt8]) -> Bool {
    guard hashes[name] == nil else { return false }
    hashes[name] = SHA256.digest(of: content)
    return true
  }

  /// Whether the name was taken for other content.
  func hasOther(_ name: String, _ content: [UInt8]) -> Bool {
    hashes[name].map { $0 != SHA256.digest(of: content) } ?? false
  }
}

extension JSONReader.Problem {
  /// The problem as a document's failure.
  var error: FreshetError {
    switch self {
    case .malformed(let offset):
      FreshetError(.parserFailed, "not valid JSON at byte \(offset); correct it")
    case .tooDeep: .tooDeep("JSON values are", limit: FormatLimits.jsonDepth)
    }
  }
}
