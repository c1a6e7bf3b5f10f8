import FreshetModel

/// Decides what happened to a document. Pure: the same catalogue and the same observation give the same decision.
///
/// | Seen | Decision |
/// |---|---|
/// | new origin, new content | created |
/// | known origin, other content | modified |
/// | known origin, same content | unchanged, or refreshed when what made its edition is stale |
/// | new origin whose content a live document has | waits for the end of all listings (`RenamePairing`) |
/// | a deleted origin reappears | restored |
public enum Planner {
  /// What was read at an origin.
  public struct Observation: Hashable, Sendable {
    /// The hash of the content.
    public var contentHash: ContentHash
    /// Bytes of the content.
    public var size: Int64
    /// The pipeline that would make its edition now.
    public var pipeline: String

    /// Describes an observation.
    public init(contentHash: ContentHash, size: Int64, pipeline: String) {
      self.contentHash = contentHash
      self.size = size
      self.pipeline = pipeline
    }
  }

  /// What the catalogue knows of that origin and that content.
  public struct Knowledge: Sendable {
    /// The live document at the origin.
    public var live: DocumentRecord?
    /// The document that was deleted last at the origin, when none is live there.
    public var deleted: DocumentRecord?
    /// Whether a live document at another origin has the content.
    public var contentIsLiveElsewhere: Bool

    /// Describes what is known.
    public init(live: DocumentRecord?, deleted: DocumentRecord?, contentIsLiveElsewhere: Bool) {
      self.live = live
      self.deleted = deleted
      self.contentIsLiveElsewhere = contentIsLiveElsewhere
    }
  }

  /// What is to be done with a document.
  public enum Decision: Equatable, Sendable {
    case create
    case modify(DocumentRecord)
    case restore(DocumentRecord)
    /// Nothing happened to the content; `refresh` says whether its edition is made again.
    case keep(DocumentRecord, refresh: Bool)
    /// It may be a rename; the end of all listings tells.
    case awaitEndOfListing
  }

  /// Decides by the table above.
  ///
  /// - Parameters:
  ///   - listingFinished: whether the end of all listings has been reached, so that nothing can wait for it any more.
  ///   - force: whether editions are made again though nothing about them is stale.
  public static func decide(
    _ seen: Observation,
    knowing known: Knowledge,
    listingFinished: Bool,
    force: Bool
  ) -> Decision {
    if let live = known.live {
      guard live.contentHash == seen.contentHash else { return .modify(live) }
      let isStale = live.pipeline != seen.pipeline || live.editionState == .awaitingVectors
      return .keep(live, refresh: force || isStale)
    }
    if known.contentIsLiveElsewhere, seen.size > 0, !listingFinished { return .awaitEndOfListing }
    if let deleted = known.deleted { return .restore(deleted) }
    return .create
  }
}
