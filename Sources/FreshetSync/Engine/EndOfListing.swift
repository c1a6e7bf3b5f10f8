import FreshetModel
import Synchronization

/// Names a document's place: its source and origin.
struct OriginKey: Hashable, Sendable {
  var source: SourceID
  var origin: String
}

/// Names an item: its source and path.
struct ItemKey: Hashable, Sendable {
  var source: SourceID
  var path: [UInt8]
}

/// An origin whose content a live document has: a rename or a copy, which only the end of all listings tells.
struct HeldAppearance: Sendable {
  var work: WorkItem
  var origin: String
  var isMember: Bool
  var contentHash: ContentHash
  var size: Int64
  var fetched: FetchedAttributes
}

/// A container that was read completely and no longer has some of its members.
struct ShrunkContainer: Sendable {
  var work: WorkItem
  var record: ItemRecord
  var gone: [DocumentRecord]
  /// Whether members of it are held too: then it is read again at the end, which also saves its row.
  var isReadAgain: Bool
}

/// Collects what can be judged only once all listings have finished.
final class EndOfListing: Sendable {
  struct Contents: Sendable {
    var appearances: [HeldAppearance] = []
    var containers: [ShrunkContainer] = []
    var missing: [(pass: SourcePass, item: ItemRecord)] = []
  }

  private let contents = Mutex(Contents())

  func hold(_ appearance: HeldAppearance) {
    contents.withLock { $0.appearances.append(appearance) }
  }

  func hold(_ container: ShrunkContainer) {
    contents.withLock { $0.containers.append(container) }
  }

  func miss(_ items: [ItemRecord], of pass: SourcePass) {
    contents.withLock { $0.missing += items.map { (pass, $0) } }
  }

  /// Takes everything out, in an order that does not depend on which reader was faster.
  func take() -> Contents {
    var taken = contents.withLock { contents in
      defer { contents = Contents() }
      return contents
    }
    taken.appearances.sort { ($0.work.pass.record.id, $0.origin) < ($1.work.pass.record.id, $1.origin) }
    taken.containers.sort { compareBytes($0.record.path, $1.record.path) < 0 }
    return taken
  }
}
