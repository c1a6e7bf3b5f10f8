import FreshetModel

/// One value of a document's field, in a form that compares as filters do: numbers with numbers, texts with texts by
/// their bytes, and everything else for equality alone.
enum FieldValue: Hashable, Sendable {
  case integer(Int64)
  case real(Double)
  case text(UTF8Text)
  /// Anything else: null, booleans, objects, arrays within arrays, the mark of an empty list.
  case other([UInt8])

  /// The field is null: the document has it, but it does not exist for `Filter.exists`.
  static let null = FieldValue.other([0])
  /// A null among a list's elements.
  static let nullElement = FieldValue.other([1])
  /// The field is a list without elements: it exists, and no comparison with it holds.
  static let emptyList = FieldValue.other([2])

  /// The values of a field: a list's elements, or the one value itself.
  static func values(of field: JSONValue) -> [FieldValue] {
    switch field {
    case .array(let elements) where elements.isEmpty: [.emptyList]
    case .array(let elements): elements.map { $0 == .null ? .nullElement : scalar($0) }
    default: [scalar(field)]
    }
  }

  /// A value as an element or operand.
  static func scalar(_ value: JSONValue) -> FieldValue {
    switch value {
    case .null: .null
    case .boolean(let value): .other([value ? 4 : 3])
    case .integer(let value): .integer(value)
    // One form for equal numbers. JSON has no numbers that are not finite: they are stored as null.
    case .number(let value): value.isFinite ? Int64(exactly: value).map { .integer($0) } ?? .real(value) : .null
    case .string(let value): .text(UTF8Text(value))
    case .array, .object: .other([5] + Array(value.description.utf8))
    }
  }

  var sql: SQLValue {
    switch self {
    case .integer(let value): .integer(value)
    case .real(let value): .real(value)
    case .text(let value): .text(value.string)
    case .other(let bytes): .blob(bytes)
    }
  }
}

/// The fields that every document has beside its metadata's own.
enum StandardFields {
  /// Adds the standard fields to a document's metadata. What the store itself knows (`source`, `origin`, `title`,
  /// `size`) replaces a field of that name; `name`, `category`, and `modified` are derived when the metadata has none.
  static func fields(
    of metadata: Metadata,
    source: String,
    origin: String,
    title: String,
    size: Int64,
    modified: Timestamp
  ) -> Metadata {
    var fields = metadata
    fields["source"] = .string(source)
    fields["origin"] = .string(origin)
    fields["title"] = .string(title)
    fields["size"] = .integer(size)
    let path = itemPath(of: origin)
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    if fields["name"] == nil {
      fields["name"] = .string(slash.map { String(path[path.utf8.index(after: $0)...]) } ?? String(path))
    }
    if fields["category"] == nil {
      fields["category"] = .string(slash.map { String(path[..<$0]) } ?? "")
    }
    if fields["modified"] == nil { fields["modified"] = .string(modified.description) }
    return fields
  }

  /// The path of the file that holds a document: an origin without what stands after `!/`.
  private static func itemPath(of origin: String) -> Substring {
    let bytes = origin.utf8
    var start = bytes.startIndex
    while let mark = bytes[start...].firstIndex(of: UInt8(ascii: "!")) {
      start = bytes.index(after: mark)
      if start < bytes.endIndex, bytes[start] == UInt8(ascii: "/") { return origin[..<mark] }
    }
    return origin[...]
  }
}

/// A text that equals another only byte for byte, as the database compares texts; Swift's own strings are equal when
/// they are canonically equivalent.
struct UTF8Text: Hashable, Sendable, Comparable {
  var bytes: [UInt8]

  init(_ string: String) {
    bytes = Array(string.utf8)
  }

  var string: String { String(decoding: bytes, as: UTF8.self) }

  static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

/// A row of the index of fields, without its document.
struct FieldRow: Hashable {
  var name: UTF8Text
  var value: FieldValue

  static func rows(of fields: Metadata) -> Set<FieldRow> {
    var rows: Set<FieldRow> = []
    for (name, field) in fields {
      for value in FieldValue.values(of: field) { rows.insert(FieldRow(name: UTF8Text(name), value: value)) }
    }
    return rows
  }
}
