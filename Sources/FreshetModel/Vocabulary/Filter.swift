/// A condition on a document's metadata, for searches and listings.
///
/// Beside the metadata's own names, these are always there: `source`, `origin`, `title`, `category` (the folder),
/// `name` (the file name), `type` (the format), `size` (bytes), `modified` (RFC 3339 text, compared as such).
/// A comparison with a field that a document does not have is false; a list field matches when one of its elements does.
public indirect enum Filter: Hashable, Sendable {
  /// How a field is compared.
  public enum Comparison: String, Sendable, CaseIterable {
    case equal = "="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    /// A shell pattern on the text: `*`, `?`, `[…]`.
    case matches = "~"
  }

  /// The field compared with a value; numbers with numbers, texts with texts by their UTF-8 bytes.
  case field(String, Comparison, JSONValue)
  /// The field is one of the values.
  case oneOf(String, [JSONValue])
  /// The document has the field, and it is not null.
  case exists(String)
  /// Every part holds; true for none.
  case all([Filter])
  /// At least one part holds; false for none.
  case any([Filter])
  /// The part does not hold.
  case not(Filter)

  /// The field equals the value.
  public static func metadata(_ field: String, equals value: JSONValue) -> Filter { .field(field, .equal, value) }
}
