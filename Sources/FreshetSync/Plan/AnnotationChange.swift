import FreshetModel

/// What a call says of the documents that it names, beside what they and their source say.
public struct AnnotationChange: Hashable, Sendable {
  /// Fields that get this value.
  public var set: Metadata
  /// Fields that are no longer said; what the document or its source says of them holds again.
  public var removed: Set<String>

  /// Describes a change.
  public init(set: Metadata = [:], removed: Set<String> = []) {
    self.set = set
    self.removed = removed
  }

  /// Fields that say what a document and its file are: nobody can say otherwise.
  public static let facts: Set<String> = ["member", "modified", "name", "origin", "size", "source", "type"]

  /// Refuses to set a field that says what the document and its file are.
  /// - Throws: `FreshetError` with `invalid_argument`.
  public func validate() throws {
    let refused = set.keys.filter(Self.facts.contains).sorted()
    guard !refused.isEmpty else { return }
    throw FreshetError(
      .invalidArgument,
      "metadata cannot say \(refused.map { "`\($0)`" }.joined(separator: ", ")): that is what the file itself is; "
        + "choose another key"
    )
  }

  /// Whether it changes nothing whatever stands.
  public var isEmpty: Bool { self.set.isEmpty && removed.isEmpty }

  /// The annotation after the change.
  public func applied(to annotation: Metadata) -> Metadata {
    annotation.filter { !removed.contains($0.key) }.merging(set.mapValues(\.canonical)) { $1 }
  }
}
