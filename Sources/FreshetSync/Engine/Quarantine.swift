import FreshetModel

/// The record of documents that failed.
public enum Quarantine {
  /// Takes failures off the record. Nothing is left out in silence: the next sync tries these documents again whatever
  /// their fingerprints, and until then `verify` tells of them.
  public static func clear(_ failures: [FailureRecord], _ transaction: any StoreTransaction) throws {
    let sources = Dictionary(
      try transaction.sources().map { ($0.name, $0.id) },
      uniquingKeysWith: { first, _ in first }
    )
    for failure in failures {
      try transaction.removeFailures(source: failure.source, itemPath: failure.itemPath, origin: failure.origin)
      if let source = sources[failure.source], var item = try transaction.item(of: source, at: failure.itemPath) {
        item.isRacy = true
        item.hash = .zero
        try transaction.save([item], source: source)
      }
      // A text that a model refused is missing though its document is not.
      if failure.error.code == .embedderFailed { try transaction.set(ModelMigration.incompleteSetting, to: "1") }
    }
  }
}
