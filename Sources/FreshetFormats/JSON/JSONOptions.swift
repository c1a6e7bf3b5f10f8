/// Which fields of a JSON object are what. A path names nested fields with dots: `article.body`.
public struct JSONOptions: Sendable, Hashable {
  /// Where the text stands; the first field that has some is taken.
  public var text: [String]
  /// Where the title stands.
  public var title: [String]
  /// What names a member of an array or a line.
  public var identifier: [String]

  /// Where the list of documents stands within an object; empty when the file itself is the list or the document.
  public var records: String

  /// The usual names, unless others are given.
  public init(
    text: [String] = ["content", "text"],
    title: [String] = ["title"],
    identifier: [String] = ["id", "_id", "key", "slug", "url"],
    records: String = ""
  ) {
    self.text = text
    self.title = title
    self.identifier = identifier
    self.records = records
  }

  /// The options as one text, to name what was made with them.
  public var fingerprint: String {
    ([text, title, identifier].map { $0.joined(separator: ",") } + [records]).joined(separator: ";")
  }
}
