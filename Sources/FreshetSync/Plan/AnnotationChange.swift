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

  /// Whether it changes nothing whatever stands.
  public var isEmpty: Bool { self.set.isEmpty && removed.isEmpty }

  /// The annotation after the change.
  public func applied(to annotation: Metadata) -> Metadata {
    annotation.filter { !removed.contains($0.key) }.merging(set.mapValues(\.canonical)) { $1 }
  }
}
