import FreshetModel
import FreshetStore

extension Collection {
  /// The last change that had been made at a moment: what `asOf` means by it.
  ///
  /// - Parameter edge: whether what the moment names (a day, a run) belongs to the state.
  /// - Throws: `FreshetError` with `invalid_argument` for a change that has not come yet, `not_found` for a run that does
  ///   not exist, `history_pruned` for a moment whose state is no longer kept.
  public func sequence(of moment: Moment, at edge: Moment.Edge = .end) async throws -> SequenceNumber {
    let now = SystemClock.now()
    return try await store.read(.everything) { try moment.sequence(in: $0, now: now, at: edge) }
  }

  /// Reads at a moment; the present for `nil`.
  func read<Result: Sendable>(
    asOf moment: Moment?,
    _ body: @Sendable (any StoreSnapshot) throws -> Result
  ) async throws -> Result {
    let now = SystemClock.now()
    return try await store.read(.everything) { snapshot in
      try body(moment.map { try snapshot.asOf($0.sequence(in: snapshot, now: now)) } ?? snapshot)
    }
  }

  /// What a search by vectors cannot find of the past, as a sentence: passages that the serving model never read.
  static func warning(
    aboutVectorsOf past: any StoreSnapshot,
    model: ModelRecord,
    isVectorOnly: Bool
  ) throws -> String? {
    let missing = try past.livePassagesWithoutVector(model: model.id, after: -1, limit: .max).count
    guard missing > 0 else { return nil }
    let passages = Quantity.text(missing, of: "passage")
    return "\(passages) of that moment \(missing == 1 ? "has no vector" : "have no vectors") of the model "
      + "\(model.description.name), which serves now"
      + (isVectorOnly
        ? ", so this search cannot find \(missing == 1 ? "it" : "them"); search by words too, in the mode `hybrid`"
        : ", so only words find \(missing == 1 ? "it" : "them")")
  }
}
