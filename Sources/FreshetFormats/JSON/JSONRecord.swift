import FreshetModel

/// A JSON value as a document: its text field is the text, its other scalar fields are metadata.
public struct JSONRecord: Sendable {
  /// Bytes of an identifier; a longer one does not name a member.
  public static let identifierBytes = 512

  /// What the value calls itself; `nil` when no field does.
  public let identifier: String?
  /// The text and metadata, or `no_text`.
  public let rendition: Result<Rendition, FreshetError>

  /// Reads an object's fields; a string is its own text.
  public init(_ value: JSONValue, options: JSONOptions) {
    identifier = options.identifier.lazy.compactMap { Self.name(Self.field($0, of: value)) }.first
    let text: String?
    if case .string(let whole) = value {
      text = whole
    } else {
      text = options.text.lazy.compactMap { Self.text(Self.field($0, of: value)) }.first
    }
    guard let text else {
      let fields = options.text.map { "`\($0)`" }.joined(separator: " and ")
      rendition = .failure(
        FreshetError(.noText, "none of the fields \(fields) holds text; name the right one in `json.text`")
      )
      return
    }
    do {
      var bytes = Array(text.utf8)
      let decoded = bytes.withUnsafeBytes { TextDecoder.clean($0, encoding: "UTF-8") }
      bytes = decoded.bytes
      let plain = DecodedText(bytes: bytes, encoding: "UTF-8", replaced: 0)
      var rendition = try PlainText.rendition(of: plain, titles: .none)
      rendition.title = options.title.lazy.compactMap { Self.text(Self.field($0, of: value)) }.first
      rendition.metadata = Self.metadata(of: value, options: options)
      self.rendition = .success(rendition)
    } catch let error as FreshetError {
      rendition = .failure(error)
    } catch {
      rendition = .failure(FreshetError(.parserFailed, "\(error)"))
    }
  }

  /// The value at a path; a field whose own name has dots comes first.
  private static func field(_ path: String, of value: JSONValue) -> JSONValue? {
    if let direct = value[path] { return direct }
    var current = value
    for name in path.split(separator: ".") {
      guard let next = current[String(name)] else { return nil }
      current = next
    }
    return current
  }

  /// A string with something in it, or the strings of an array as paragraphs.
  private static func text(_ value: JSONValue?) -> String? {
    switch value {
    case .string(let text)?: return text.utf8.contains { $0 > 0x20 } ? text : nil
    case .array(let values)?:
      let parts = values.compactMap { if case .string(let part) = $0 { part } else { nil } }
      guard !parts.isEmpty, parts.count == values.count else { return nil }
      return text(.string(parts.joined(separator: "\n\n")))
    default: return nil
    }
  }

  private static func name(_ value: JSONValue?) -> String? {
    switch value {
    case .string(let name)? where !name.isEmpty && name.utf8.count <= identifierBytes && !name.utf8.contains(0): name
    case .integer(let number)?: String(number)
    default: nil
    }
  }

  private static func metadata(of value: JSONValue, options: JSONOptions) -> Metadata {
    guard case .object(let members) = value else { return [:] }
    var metadata: Metadata = [:]
    for member in members where !options.text.contains(member.name) && !options.title.contains(member.name) {
      switch member.value {
      case .boolean, .integer, .number: metadata[member.name] = member.value
      case .string(let text) where text.utf8.count <= FormatLimits.metadataBytes: metadata[member.name] = member.value
      case .array(let values) where values.count <= 64 && values.allSatisfy(isShortScalar):
        metadata[member.name] = member.value
      default: break
      }
    }
    return metadata
  }

  private static func isShortScalar(_ value: JSONValue) -> Bool {
    switch value {
    case .boolean, .integer, .number: true
    case .string(let text): text.utf8.count <= 256
    default: false
    }
  }
}
