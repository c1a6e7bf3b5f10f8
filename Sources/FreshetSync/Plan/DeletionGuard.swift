import FreshetModel

/// Holds back deletions that look like an accident: a source that lost too much at once, or everything.
///
/// Absence itself is judged before, per item (`Source.absence`); this guards the sum.
public struct DeletionGuard: Hashable, Sendable {
  /// The share of a source's live documents above which deletions are held back (`sync.max_delete_ratio`).
  public var maximumRatio: Double
  /// Deletions up to this number are never held for their share: small sources change by large shares.
  public var alwaysAllowed: Int
  /// Whether the caller accepts any number (`--allow-mass-delete`).
  public var allowMassDelete: Bool

  /// Takes the limits.
  public init(maximumRatio: Double = 0.3, alwaysAllowed: Int = 20, allowMassDelete: Bool = false) {
    self.maximumRatio = maximumRatio
    self.alwaysAllowed = alwaysAllowed
    self.allowMassDelete = allowMassDelete
  }

  /// What a finished listing says of one source.
  public struct Situation: Hashable, Sendable {
    /// The source's name.
    public var source: String
    /// Live documents before the run.
    public var live: Int
    /// Items in the listing.
    public var listed: Int
    /// Whether the listing was of the whole source.
    public var isWhole: Bool
    /// Documents that would be deleted, by reason.
    public var deletions: [DeletionReason: Int]

    /// Describes a situation.
    public init(source: String, live: Int, listed: Int, isWhole: Bool, deletions: [DeletionReason: Int]) {
      self.source = source
      self.live = live
      self.listed = listed
      self.isWhole = isWhole
      self.deletions = deletions
    }
  }

  /// Why the source's deletions are held back, or `nil` when they may be made.
  public func verdict(_ situation: Situation) -> HeldDeletions? {
    let count = situation.deletions.values.reduce(0, +)
    guard count > 0, !allowMassDelete else { return nil }
    let remedy = "nothing was deleted; if this is right, run again with --allow-mass-delete"
    func held(_ cause: String) -> HeldDeletions {
      HeldDeletions(source: situation.source, count: count, sentence: "\(cause); \(remedy).")
    }
    let documents = Quantity.text(situation.live, of: "document")
    let sourceIsConfigured = situation.deletions[.sourceRemoved] == nil
    if sourceIsConfigured, situation.isWhole, situation.listed == 0, (situation.deletions[.vanished] ?? 0) > 0 {
      return held(
        "the source is empty where \(documents) \(situation.live == 1 ? "was" : "were") (an unmounted disk looks like this)"
      )
    }
    guard count > alwaysAllowed, Double(count) > maximumRatio * Double(max(situation.live, 1)) else { return nil }
    let share = "\(count) of \(documents)"
    if let removed = situation.deletions[.sourceRemoved], removed == count {
      return held("the source is no longer in the configuration, which would delete \(share)")
    }
    if let outOfScope = situation.deletions[.outOfScope], outOfScope * 2 > count {
      return held(
        "the rules (patterns, ignore files, size, links) now leave out \(Quantity.text(outOfScope, of: "file")), which would "
          + "delete \(share)"
      )
    }
    return held("\(share) are gone from the source, more than the share of \(maximumRatio) that goes unasked")
  }
}
