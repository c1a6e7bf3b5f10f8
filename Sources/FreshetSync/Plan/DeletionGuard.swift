import FreshetModel

/// Holds back deletions that look like an accident: a source that lost too much at once, or everything.
///
/// Absence itself is judged before, per item (`Source.absence`); this guards the sum.
public struct DeletionGuard: Hashable, Sendable {
  /// The share of a source's live documents above which deletions are held back (`sync.max_delete_ratio`).
  public var maximumRatio: Double
  /// Deletions up to this number are never held for their share: small sources change by large shares.
  public var alwaysAllowed: Int
  /// How far back deletions count with those of a run over named paths, or of a service's: many small ones, a hook's or a
  /// watcher's, are to be held where one large call is.
  public static let window = Duration.seconds(600)
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
    /// Whether the source has no item at all any more, whatever part of it the run is over.
    public var isEmpty: Bool
    /// Documents that are gone since a short while (`window`) already, and that nobody has let go in so many words.
    public var recent: Int
    /// Documents that would be deleted, by reason.
    public var deletions: [DeletionReason: Int]

    /// Describes a situation.
    public init(source: String, live: Int, isEmpty: Bool, recent: Int = 0, deletions: [DeletionReason: Int]) {
      self.source = source
      self.live = live
      self.isEmpty = isEmpty
      self.recent = recent
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
    if sourceIsConfigured, situation.isEmpty, (situation.deletions[.vanished] ?? 0) > 0 {
      return held(
        "the source is empty where \(documents) \(situation.live == 1 ? "was" : "were") (an unmounted disk looks like this)"
      )
    }
    guard exceeds(count + situation.recent, of: situation.live + situation.recent) else { return nil }
    guard exceeds(count, of: situation.live) else {
      let share = Quantity.text(situation.live + situation.recent, of: "document")
      return held(
        "\(count) more would make \(count + situation.recent) of \(share) that are gone within "
          + "\(Quantity.text(Self.window)), more than the share of \(maximumRatio) that goes unasked"
      )
    }
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
  private func exceeds(_ count: Int, of live: Int) -> Bool {
    count > alwaysAllowed && Double(count) > maximumRatio * Double(max(live, 1))
  }
}
