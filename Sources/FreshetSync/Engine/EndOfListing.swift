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
  /// The parser that takes the item where it is now; a rename to another suffix may change it.
  var parser: String
  /// That parser's format.
  var format: String

  var key: OriginKey { OriginKey(source: work.pass.record.id, origin: origin) }
  var item: ItemKey { ItemKey(source: work.pass.record.id, path: work.item.path) }
}

/// An item that was read completely, but not settled: appearances in it are held, or documents that it had are gone.
///
/// Its row is saved once the end of all listings has settled both; until then the next run reads it again.
struct OpenItem: Sendable {
  var work: WorkItem
  var record: ItemRecord
  var gone: [DocumentRecord] = []
  /// Why the documents are gone.
  var reason = DeletionReason.memberRemoved

  var key: ItemKey { ItemKey(source: work.pass.record.id, path: work.item.path) }
}

/// Collects what can be judged only once all listings have finished.
final class EndOfListing: Sendable {
  struct Contents: Sendable {
    var appearances: [HeldAppearance] = []
    var items: [OpenItem] = []
    /// Items of finished listings that were known and not there any more.
    var missing: [(pass: SourcePass, item: ItemRecord)] = []
  }

  private struct State {
    var contents = Contents()
    var abandoned = Set<ItemKey>()
  }

  private let state = Mutex(State())

  func hold(_ appearance: HeldAppearance) {
    state.withLock { $0.contents.appearances.append(appearance) }
  }

  func hold(_ item: OpenItem) {
    state.withLock { $0.contents.items.append(item) }
  }

  func miss(_ items: [ItemRecord], of pass: SourcePass) {
    state.withLock { $0.contents.missing += items.map { (pass, $0) } }
  }

  /// An open item changed or vanished before it could be settled: the next run reads it again.
  func abandon(_ item: ItemKey) {
    state.withLock { _ = $0.abandoned.insert(item) }
  }

  var abandoned: Set<ItemKey> { state.withLock { $0.abandoned } }

  /// Takes everything out, in an order that does not depend on which reader was faster.
  func take() -> Contents {
    var taken = state.withLock { state in
      defer { state.contents = Contents() }
      return state.contents
    }
    taken.appearances.sort { ($0.work.pass.record.id, $0.origin) < ($1.work.pass.record.id, $1.origin) }
    taken.items.sort { left, right in
      left.key.source == right.key.source
        ? compareBytes(left.key.path, right.key.path) < 0 : left.key.source < right.key.source
    }
    return taken
  }
}
