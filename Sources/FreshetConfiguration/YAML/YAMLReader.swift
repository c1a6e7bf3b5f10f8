import CYAML
import FreshetModel

/// Reads the safe subset of YAML 1.1 that configurations need: mappings with text keys, lists and scalars.
///
/// Anchors, aliases, tags, second documents and duplicate keys are errors; size, depth and number of values are
/// bounded, so that no input costs more than a few milliseconds.
struct YAMLReader {
  /// Bytes of a file above which it is refused.
  static let maximumBytes = 1 << 20
  /// Levels of nesting above which a document is refused.
  static let maximumDepth = 32
  /// Values of a document above which it is refused.
  static let maximumValues = 50_000

  private let file: String
  private var values = 0

  /// The document's root, or `nil` for one without content.
  ///
  /// - Parameter file: the name that errors start with.
  /// - Throws: `FreshetError` with `invalid_configuration`, its path `file:line:column`.
  static func read(_ bytes: [UInt8], file: String) throws -> YAMLNode? {
    guard bytes.count <= maximumBytes else {
      throw FreshetError(
        .invalidConfiguration,
        "the file has \(Quantity.text(bytes: Int64(bytes.count))); a configuration has at most 1 MiB.",
        path: file
      )
    }
    var reader = YAMLReader(file: file)
    return try reader.document(bytes)
  }

  /// What a document that may be faulty says of one key.
  enum PartialText: Hashable {
    /// Its text, which stands before the first fault.
    case text(String)
    /// Nothing, in the whole of a document without a fault.
    case absent
    /// Nothing up to the first fault; or no text.
    case unknown
  }

  /// The text of a key at the top of a document, as far as that can be read.
  static func text(of key: String, in bytes: [UInt8]) -> PartialText {
    guard bytes.count <= maximumBytes else { return .unknown }
    var reader = YAMLReader(file: "")
    return (try? reader.text(of: key, in: bytes)) ?? .unknown
  }

  private init(file: String) {
    self.file = file
  }

  private mutating func text(of key: String, in bytes: [UInt8]) throws -> PartialText {
    try parsing(bytes) { reader, parser in
      guard case .documentStart = try reader.next(&parser).kind else { return .absent }
      let root = try reader.next(&parser)
      guard case .mappingStart = root.kind else { return .unknown }
      while true {
        let entry = try reader.next(&parser)
        if case .end = entry.kind { return .absent }
        let value = try reader.node(from: try reader.next(&parser), &parser, depth: 1)
        guard case .scalar(key, _) = entry.kind, !value.isNull else { continue }
        guard case .scalar(let text, _) = value.content else { return .unknown }
        // A fault right after it may be in it: a line that was taken for its continuation.
        _ = try reader.next(&parser)
        return .text(text)
      }
    }
  }

  private mutating func document(_ bytes: [UInt8]) throws -> YAMLNode? {
    try parsing(bytes) { reader, parser in
      guard case .documentStart = try reader.next(&parser).kind else { return nil }
      let root = try reader.node(from: try reader.next(&parser), &parser, depth: 0)
      _ = try reader.next(&parser)  // the document's end
      let last = try reader.next(&parser)
      guard case .streamEnd = last.kind else {
        throw reader.error("a second document starts here; keep one document in the file.", at: last.location)
      }
      return root
    }
  }

  /// Calls the body with a parser that is past the stream's start.
  private mutating func parsing<Result>(
    _ bytes: [UInt8],
    _ body: (inout YAMLReader, inout yaml_parser_t) throws -> Result
  ) throws -> Result {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else {
      throw FreshetError(.invalidConfiguration, "there is not enough memory to read it.", path: file)
    }
    defer { yaml_parser_delete(&parser) }
    return try bytes.withUnsafeBufferPointer { buffer in
      yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
      yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
      _ = try next(&parser)
      return try body(&self, &parser)
    }
  }

  private mutating func node(from event: Event, _ parser: inout yaml_parser_t, depth: Int) throws -> YAMLNode {
    values += 1
    guard values <= Self.maximumValues else {
      throw error("the file has more than \(Self.maximumValues) values.", at: event.location)
    }
    guard depth <= Self.maximumDepth else {
      throw error("the values are nested more than \(Self.maximumDepth) levels deep.", at: event.location)
    }
    switch event.kind {
    case .scalar(let text, let isPlain):
      return YAMLNode(content: .scalar(text, isPlain: isPlain), location: event.location)
    case .sequenceStart:
      var elements: [YAMLNode] = []
      while true {
        let element = try next(&parser)
        if case .end = element.kind { break }
        elements.append(try node(from: element, &parser, depth: depth + 1))
      }
      return YAMLNode(content: .sequence(elements), location: event.location)
    case .mappingStart:
      return YAMLNode(content: .mapping(try entries(&parser, depth: depth)), location: event.location)
    case .documentStart, .streamEnd, .end, .other:
      throw error("a value is missing here.", at: event.location)
    }
  }

  private mutating func entries(_ parser: inout yaml_parser_t, depth: Int) throws -> [YAMLNode.Entry] {
    var entries: [YAMLNode.Entry] = []
    var lines: [String: Int] = [:]
    while true {
      let event = try next(&parser)
      if case .end = event.kind { return entries }
      guard case .scalar(let key, _) = event.kind else {
        throw error("a key must be a single text.", at: event.location)
      }
      if let line = lines.updateValue(event.location.line, forKey: key) {
        throw error("`\(key.shown)` stands here again; its first value is in line \(line).", at: event.location)
      }
      let value = try node(from: try next(&parser), &parser, depth: depth + 1)
      entries.append(YAMLNode.Entry(key: key, location: event.location, value: value))
    }
  }

  // MARK: Events

  private enum Kind {
    case documentStart, streamEnd, sequenceStart, mappingStart, end, other
    case scalar(String, isPlain: Bool)
  }

  private struct Event {
    var kind: Kind
    var location: TextLocation
  }

  private func next(_ parser: inout yaml_parser_t) throws -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(&parser, &event) == 1 else { throw syntaxError(parser) }
    defer { yaml_event_delete(&event) }
    let location = TextLocation(line: event.start_mark.line + 1, column: event.start_mark.column + 1)
    switch event.type {
    case YAML_DOCUMENT_START_EVENT: return Event(kind: .documentStart, location: location)
    case YAML_STREAM_END_EVENT: return Event(kind: .streamEnd, location: location)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return Event(kind: .end, location: location)
    case YAML_ALIAS_EVENT:
      throw error("an alias stands here; write the value itself.", at: location)
    case YAML_SEQUENCE_START_EVENT:
      try refuse(event.data.sequence_start.anchor, event.data.sequence_start.tag, at: location)
      return Event(kind: .sequenceStart, location: location)
    case YAML_MAPPING_START_EVENT:
      try refuse(event.data.mapping_start.anchor, event.data.mapping_start.tag, at: location)
      return Event(kind: .mappingStart, location: location)
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      try refuse(scalar.anchor, scalar.tag, at: location)
      let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      guard !text.utf8.contains(0) else { throw error("the value has a zero byte.", at: location) }
      return Event(kind: .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE), location: location)
    default: return Event(kind: .other, location: location)
    }
  }

  private func refuse(
    _ anchor: UnsafePointer<yaml_char_t>?,
    _ tag: UnsafePointer<yaml_char_t>?,
    at location: TextLocation
  ) throws {
    if anchor != nil { throw error("an anchor stands here; write each value where it is used.", at: location) }
    if tag != nil { throw error("a tag stands here; write the plain value.", at: location) }
  }

  private func syntaxError(_ parser: yaml_parser_t) -> FreshetError {
    var sentence = parser.problem.map { String(cString: $0) } ?? "it is not valid YAML"
    if let context = parser.context { sentence = String(cString: context) + ": " + sentence }
    let location: TextLocation
    if parser.error == YAML_READER_ERROR {
      // The reader knows no mark of its own; the parser's is where it stood.
      location = TextLocation(line: parser.mark.line + 1, column: parser.mark.column + 1)
      sentence += " (the file must be UTF-8)"
    } else {
      location = TextLocation(line: parser.problem_mark.line + 1, column: parser.problem_mark.column + 1)
    }
    return error("this is not valid YAML: \(sentence).", at: location)
  }

  private func error(_ message: String, at location: TextLocation) -> FreshetError {
    FreshetError(.invalidConfiguration, message, path: "\(file):\(location.line):\(location.column)")
  }
}

extension String {
  /// The text as a message may show it: control characters replaced, long ones cut.
  var shown: String {
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars.prefix(100) {
      text.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
    }
    return String(text) + (unicodeScalars.count > 100 ? "…" : "")
  }
}
