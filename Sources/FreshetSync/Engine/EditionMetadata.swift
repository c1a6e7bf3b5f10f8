import FreshetModel
import FreshetSystem

/// Composes what is searchable of a document beside its text.
///
/// What somebody said of the document (`AnnotationChange`) wins over everything that a document or source may say, then what the configuration says of its
/// source. What the file says of itself (`name`, `type`, `size`, `modified`) and what the configuration says of the source
/// cannot be overridden by a document: a filter on them is then worth something. `title` and `category` can.
enum EditionMetadata {
  static func compose(
    stated: Metadata,
    configured: Metadata,
    path: String,
    member: String?,
    format: String,
    size: Int64,
    modified: Timestamp,
    annotation: Metadata
  ) -> Metadata {
    var metadata = stated
    metadata["title"] = nil
    if metadata["category"] == nil, let folder = folder(of: path) { metadata["category"] = .string(folder) }
    metadata["name"] = .string(fileName(of: path))
    metadata["type"] = .string(format)
    metadata["size"] = .integer(size)
    metadata["modified"] = .string(modified.description)
    if let member { metadata["member"] = .string(member) }
    for (name, value) in configured { metadata[name] = value }
    for (name, value) in annotation where name != "title" && !AnnotationChange.facts.contains(name) {
      metadata[name] = value
    }
    return metadata.mapValues(\.canonical)
  }

  /// The title of the annotation, else the stated one, else the member's name, else the file's stem.
  static func title(stated: String?, path: String, member: String?, annotation: Metadata) -> String {
    if case .string(let title)? = annotation["title"], !title.isEmpty { return title }
    if let stated, !stated.isEmpty { return stated }
    if let member { return member }
    let name = fileName(of: path)
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
    return String(name[..<dot])
  }

  private static func fileName(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// The folder that holds the file, relative to the source; `nil` for files at its root.
  private static func folder(of path: String) -> String? {
    path.lastIndex(of: "/").map { String(path[..<$0]) }
  }
}

/// Names everything that an edition depends on beside the content: when it changes, the edition is stale.
enum Pipeline {
  /// Half of a SHA-256 in hexadecimal: it stands in every edition, and is only ever compared.
  private static let length = 32

  static func fingerprint(parsers: any ParserRegistry, chunker: any Chunker, metadata: Metadata) -> String {
    let description = [
      parsers.fingerprint, chunker.fingerprint, PassageText.template, "metadata/1", JSONValue(metadata).description,
    ]
    let digest = SHA256.digest(of: Array(description.joined(separator: "|").utf8))
    return String(digest.description.prefix(length))
  }
}
