import FreshetModel

/// What a document says of a file that was changed while its content stayed.
enum TouchedFile {
  /// The field that says when the file was changed.
  static let field = "modified"

  /// The metadata with the file's present time.
  static func metadata(_ metadata: Metadata, modified: Timestamp?) -> Metadata {
    guard let modified else { return metadata }
    var metadata = metadata
    metadata[field] = .string(modified.description)
    return metadata
  }

  /// The time that stays noted after a change: one that makes a version states its own, and other metadata may too.
  static func remaining(_ noted: Timestamp?, after change: DocumentChange) -> Timestamp? {
    guard let noted, change.version == nil, change.edition?.metadata[field] == .string(noted.description) else {
      return nil
    }
    return noted
  }
}
