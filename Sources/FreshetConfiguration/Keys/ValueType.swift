import FreshetFormats
import FreshetModel

/// How a key's value is written, checked and shown.
struct ValueType<Value: Sendable>: Sendable {
  /// What the reference says: "whole number, 1 to 256".
  var title: String
  /// Whether an environment variable or an option can carry the value.
  var isOverridable = true
  /// Whether an override's commas separate elements.
  var isList = false
  /// The value, or a problem.
  var read: @Sendable (YAMLNode) throws -> Value
  /// The value as the reference shows a default.
  var write: @Sendable (Value) -> String
}

/// The text of a single value, or a problem.
func scalar(_ node: YAMLNode, expecting title: String) throws -> String {
  guard case .scalar(let text, _) = node.content else {
    throw ValueProblem("must be a \(title); here stands \(node.kindName).")
  }
  return text
}

extension ValueType where Value == String {
  /// Any text up to that many bytes.
  static func text(maximumLength: Int = 1000, title: String = "text") -> Self {
    ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: title)
        guard text.utf8.count <= maximumLength else {
          throw ValueProblem("is longer than \(maximumLength) bytes.")
        }
        return text
      },
      write: { $0.isEmpty ? "empty" : "`\($0)`" }
    )
  }

  /// A path, which starts at the file's folder when it is relative.
  static var path: Self {
    ValueType(
      title: "path",
      read: { node in
        let text = try scalar(node, expecting: "path")
        guard !text.isEmpty, text.utf8.count <= 4096 else { throw ValueProblem("must be a path; here stands nothing.") }
        return text
      },
      write: { $0.isEmpty ? "none" : "`\($0)`" }
    )
  }

  /// A base address of a web server.
  static var webAddress: Self {
    ValueType(
      title: "http or https address",
      read: { node in
        let text = try scalar(node, expecting: "http or https address")
        if let problem = WebAddress.problem(of: text) { throw ValueProblem(problem) }
        return text
      },
      write: { "`\($0)`" }
    )
  }

  /// The name of an environment variable.
  static var variableName: Self {
    ValueType(
      title: "name of an environment variable",
      read: { node in
        let text = try scalar(node, expecting: "name of an environment variable")
        let isName = text.utf8.allSatisfy { byte in
          byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
        }
        guard isName, let first = text.utf8.first, !(0x30...0x39).contains(first), text.utf8.count <= 100 else {
          // The value is not shown: somebody may have put the key itself here.
          throw ValueProblem(
            "must be the name of an environment variable, such as `OPENAI_API_KEY`, never the key itself."
          )
        }
        return text
      },
      write: { "`\($0)`" }
    )
  }
}

extension ValueType where Value == Bool {
  static var boolean: Self {
    ValueType(
      title: "`true` or `false`",
      read: { node in
        switch try scalar(node, expecting: "`true` or `false`").lowercased() {
        case "true": return true
        case "false": return false
        case let other: throw ValueProblem("must be `true` or `false`; here stands `\(other.shown)`.")
        }
      },
      write: { "`\($0)`" }
    )
  }
}

extension ValueType where Value == Int {
  static func integer(_ range: ClosedRange<Int>, unit: String = "") -> Self {
    let title = "whole number\(unit.isEmpty ? "" : " of \(unit)"), \(range.lowerBound) to \(range.upperBound)"
    return ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: title)
        guard let value = Int(text), range.contains(value) else {
          throw ValueProblem("must be a \(title); here stands `\(text.shown)`.")
        }
        return value
      },
      write: { "`\($0)`" }
    )
  }
}

extension ValueType where Value == Double {
  static func number(_ range: ClosedRange<Double>) -> Self {
    let title = "number, \(range.lowerBound) to \(range.upperBound)"
    return ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: title)
        guard let value = Double(text), range.contains(value) else {
          throw ValueProblem("must be a \(title); here stands `\(text.shown)`.")
        }
        return value
      },
      write: { "`\($0)`" }
    )
  }
}

extension ValueType where Value == Int64 {
  static func size(_ range: ClosedRange<Int64>) -> Self {
    let title = "size, \(Quantity.text(bytes: range.lowerBound)) to \(Quantity.text(bytes: range.upperBound))"
    return ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: title)
        guard let value = Quantity.bytes(text), range.contains(value) else {
          throw ValueProblem("must be a \(title), such as `100 MB` or `64 KiB`; here stands `\(text.shown)`.")
        }
        return value
      },
      write: { "`\(Quantity.text(bytes: $0))`" }
    )
  }
}

extension ValueType where Value == Duration {
  static func duration(_ range: ClosedRange<Duration>) -> Self {
    let title = "duration, \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound))"
    return ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: title)
        guard let value = Quantity.duration(text), range.contains(value) else {
          throw ValueProblem("must be a \(title), such as `30s` or `5m`; here stands `\(text.shown)`.")
        }
        return value
      },
      write: { "`\(Quantity.text($0))`" }
    )
  }
}

extension ValueType where Value == [String] {
  static func list(of element: String) -> Self {
    let title = "list of \(element)"
    return ValueType(
      title: title,
      isList: true,
      read: { node in
        switch node.content {
        case .scalar(let text, _): return text.isEmpty ? [] : [text]
        case .sequence(let elements) where elements.count > 1000:
          throw ValueProblem("has more than 1,000 elements.")
        case .sequence(let elements):
          return try elements.map { element in
            guard case .scalar(let text, _) = element.content, !text.isEmpty else {
              throw ValueProblem("must be a \(title); here stands \(element.kindName).", at: element.location)
            }
            return text
          }
        case .mapping: throw ValueProblem("must be a \(title); here stands a mapping.")
        }
      },
      write: { $0.isEmpty ? "none" : "`[" + $0.map { "\"\($0)\"" }.joined(separator: ", ") + "]`" }
    )
  }
}

extension ValueType where Value == ContentRetention {
  static var contentRetention: Self {
    let title = "`true`, `false`, or a size above which a content is not kept"
    return ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: title)
        if text.lowercased() == "true" { return .all }
        if text.lowercased() == "false" { return .none }
        guard let bytes = Quantity.bytes(text) else {
          throw ValueProblem("must be `true`, `false` or a size such as `10 MB`; here stands `\(text.shown)`.")
        }
        return .upTo(bytes: bytes)
      },
      write: { value in
        switch value {
        case .all: "`true`"
        case .none: "`false`"
        case .upTo(let bytes): "`\(Quantity.text(bytes: bytes))`"
        }
      }
    )
  }
}

extension ValueType where Value == Metadata {
  static var metadata: Self {
    ValueType(
      title: "mapping of names to values",
      isOverridable: false,
      read: { node in
        guard case .mapping(let entries) = node.content else {
          throw ValueProblem("must be a mapping of names to values; here stands \(node.kindName).")
        }
        guard entries.count <= 100 else { throw ValueProblem("has more than 100 names.") }
        return Metadata(entries.map { ($0.key, $0.value.json) }) { first, _ in first }
      },
      write: { $0.isEmpty ? "none" : JSONValue($0).description }
    )
  }
}

extension ValueType where Value == [ParserOverride] {
  static var parserOverrides: Self {
    ValueType(
      title: "mapping of file name patterns to formats",
      isOverridable: false,
      read: { node in
        guard case .mapping(let entries) = node.content else {
          throw ValueProblem("must be a mapping of file name patterns to formats; here stands \(node.kindName).")
        }
        guard entries.count <= 1000 else { throw ValueProblem("has more than 1,000 patterns.") }
        return try entries.map { entry in
          guard case .scalar(let format, _) = entry.value.content, !format.isEmpty else {
            throw ValueProblem("must name a format for `\(entry.key.shown)`.", at: entry.value.location)
          }
          guard format == ParserOverride.skipped || Format(rawValue: format) != nil else {
            throw unknownFormat(format, at: entry.value.location)
          }
          return ParserOverride(pattern: entry.key, format: format)
        }.sorted { $0.pattern < $1.pattern }
      },
      write: { $0.isEmpty ? "none" : $0.map { "`\($0.pattern): \($0.format)`" }.joined(separator: ", ") }
    )
  }

  private static func unknownFormat(_ format: String, at location: TextLocation) -> ValueProblem {
    let formats = Format.allCases.map(\.rawValue) + [ParserOverride.skipped]
    let suggestion = NearestName.suggestion(for: format, among: formats).map { " Did you mean `\($0)`?" } ?? ""
    return ValueProblem(
      "must name one of \(formats.map { "`\($0)`" }.joined(separator: ", ")); here stands `\(format.shown)`.\(suggestion)",
      at: location
    )
  }
}

extension ValueType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  static var choice: Self {
    let choices = Value.allCases.map(\.rawValue)
    let title = choices.map { "`\($0)`" }.joined(separator: ", ")
    return ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: "single value")
        if let value = Value(rawValue: text) { return value }
        let suggestion = NearestName.suggestion(for: text, among: choices).map { " Did you mean `\($0)`?" } ?? ""
        throw ValueProblem("must be one of \(title); here stands `\(text.shown)`.\(suggestion)")
      },
      write: { "`\($0.rawValue)`" }
    )
  }
}

extension ValueType {
  /// The same for a value that may be absent.
  static func optional<Wrapped>(_ type: ValueType<Wrapped>, absent: String = "none") -> Self where Value == Wrapped? {
    ValueType(
      title: type.title,
      isOverridable: type.isOverridable,
      isList: type.isList,
      read: { try type.read($0) },
      write: { $0.map(type.write) ?? absent }
    )
  }
}
