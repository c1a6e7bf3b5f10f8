import CYAML
import FreshetFormats
import FreshetModel

/// The YAML mapping between `---` lines at the start of a Markdown file.
///
/// Aliases, tags and anything beyond the limits make the whole block ordinary text: it is shown and found, and no
/// metadata is guessed from it.
struct FrontMatter {
  /// The bytes to leave out at the start; 0 when there is no front matter.
  private(set) var length = 0
  /// The mapping.
  private(set) var metadata: Metadata = [:]

  init(_ bytes: [UInt8]) {
    guard bytes.starts(with: "---".utf8), let first = bytes.firstIndex(of: 0x0A), first <= 80,
      bytes[3..<first].allSatisfy({ $0 <= 0x20 })
    else { return }
    var start = first + 1
    let limit = min(bytes.count, FormatLimits.frontMatterBytes)
    while start < limit {
      let end = bytes[start..<limit].firstIndex(of: 0x0A) ?? (limit == bytes.count ? limit : nil)
      guard let end else { return }
      let line = bytes[start..<end]
      let mark = line.prefix(3)
      if mark.elementsEqual("---".utf8) || mark.elementsEqual("...".utf8), line.dropFirst(3).allSatisfy({ $0 <= 0x20 })
      {
        read(Array(bytes[(first + 1)..<start]), length: min(end + 1, bytes.count))
        return
      }
      start = end + 1
    }
  }

  private mutating func read(_ yaml: [UInt8], length: Int) {
    if yaml.allSatisfy({ $0 <= 0x20 }) {
      self.length = length
      return
    }
    var reader = YAMLReader()
    guard case .object(let members)? = reader.read(yaml) else { return }
    self.length = length
    for member in members where !member.name.isEmpty { metadata[member.name] = member.value }
  }
}

/// Builds a JSON value from libyaml's events, within limits.
private struct YAMLReader {
  private enum Frame {
    case sequence([JSONValue])
    case mapping([JSONValue.Member], key: String?)
  }

  private var frames: [Frame] = []
  private var values = 0
  private var result: JSONValue?

  /// The document's value; `nil` when it is not valid, or uses what is not allowed.
  mutating func read(_ yaml: [UInt8]) -> JSONValue? {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else { return nil }
    defer { yaml_parser_delete(&parser) }
    return yaml.withUnsafeBufferPointer { buffer in
      yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
      yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
      while true {
        var event = yaml_event_t()
        guard yaml_parser_parse(&parser, &event) == 1 else { return nil }
        defer { yaml_event_delete(&event) }
        if event.type == YAML_STREAM_END_EVENT { return result }
        guard accept(event) else { return nil }
      }
    }
  }

  private mutating func accept(_ event: yaml_event_t) -> Bool {
    values += 1
    guard values <= FormatLimits.frontMatterValues else { return false }
    switch event.type {
    case YAML_ALIAS_EVENT: return false
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      return add(scalar.style == YAML_PLAIN_SCALAR_STYLE ? Self.plain(text) : .string(text), text: text)
    case YAML_SEQUENCE_START_EVENT:
      frames.append(.sequence([]))
      return frames.count <= FormatLimits.frontMatterDepth
    case YAML_MAPPING_START_EVENT:
      frames.append(.mapping([], key: nil))
      return frames.count <= FormatLimits.frontMatterDepth
    case YAML_SEQUENCE_END_EVENT:
      guard case .sequence(let items)? = frames.popLast() else { return false }
      return add(.array(items), text: nil)
    case YAML_MAPPING_END_EVENT:
      guard case .mapping(let members, nil)? = frames.popLast() else { return false }
      return add(.object(members), text: nil)
    case YAML_DOCUMENT_START_EVENT: return result == nil
    default: return true
    }
  }

  private mutating func add(_ value: JSONValue, text: String?) -> Bool {
    switch frames.popLast() {
    case .none: result = value
    case .sequence(var items)?:
      items.append(value)
      frames.append(.sequence(items))
    case .mapping(var members, let key)?:
      if let key {
        if members.contains(where: { $0.name == key }) { return false }
        members.append(JSONValue.Member(key, value))
        frames.append(.mapping(members, key: nil))
      } else {
        guard let text else { return false }
        frames.append(.mapping(members, key: text))
      }
    }
    return true
  }

  /// The core schema of YAML 1.2: null, booleans, decimal numbers; everything else is a string.
  private static func plain(_ text: String) -> JSONValue {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .boolean(true)
    case "false", "False", "FALSE": return .boolean(false)
    default: break
    }
    guard let first = text.utf8.first, first < 0x3A, text.utf8.count <= 32 else { return .string(text) }
    if let integer = Int64(text), String(integer) == text { return .integer(integer) }
    if text.utf8.contains(UInt8(ascii: ".")), text.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || $0 == 46 || $0 == 45 }),
      let number = Double(text)
    {
      return .number(number)
    }
    return .string(text)
  }
}
