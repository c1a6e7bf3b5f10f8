import FreshetModel

extension Collection {
  /// The changes after a sequence, in the order of the log: each at least once, and a reader that remembers the last
  /// sequence it dealt with goes on from there.
  ///
  /// ```swift
  /// for try await change in collection.changes(after: report.sequence) { … }
  /// ```
  ///
  /// - Parameters:
  ///   - sequence: the last change that is known already, 0 for none; `nil` for all that are kept.
  ///   - following: whether to wait for further changes, by whichever process they are made, instead of ending with the
  ///     last one. A change is seen at most `CollectionChanges.interval` after its commit.
  /// - Returns: a sequence that throws what the store throws, and `consumer_lapsed` when changes after `sequence` are no
  ///   longer kept; it ends when its task is cancelled.
  public func changes(after sequence: SequenceNumber? = nil, following: Bool = true) -> CollectionChanges {
    CollectionChanges(store: store, start: sequence, isFollowing: following)
  }
}

/// The rows of a collection's log as they come: `Collection.changes(after:following:)`.
public struct CollectionChanges: AsyncSequence, Sendable {
  /// How often a reader that follows looks for new changes.
  public static let interval = Duration.milliseconds(200)
  /// How many rows are read at once.
  static let pageSize = 256

  let store: any Store
  let start: SequenceNumber?
  let isFollowing: Bool

  /// Begins after the sequence that the reader named.
  public func makeAsyncIterator() -> Iterator {
    Iterator(store: store, position: start, isFollowing: isFollowing)
  }

  /// One reader of the log.
  public struct Iterator: AsyncIteratorProtocol {
    let store: any Store
    /// The last change that is known; `nil` before the first one, where any may be the first.
    var position: SequenceNumber?
    let isFollowing: Bool
    private var page: ArraySlice<ChangeRecord> = []

    init(store: any Store, position: SequenceNumber?, isFollowing: Bool) {
      self.store = store
      self.position = position
      self.isFollowing = isFollowing
    }

    /// The next change; `nil` after the last one, or once the task is cancelled.
    public mutating func next() async throws -> ChangeRecord? {
      while page.isEmpty {
        let position = position
        do {
          page = try await store.read(.everything) { snapshot in
            if let position, position < snapshot.head.anchor.sequence {
              throw FreshetError(
                .consumerLapsed,
                "the changes after \(position) are no longer kept (`history.keep_log`); the first one that is is "
                  + "\(snapshot.head.anchor.sequence + 1)"
              )
            }
            return try snapshot.changes(after: position ?? 0, limit: CollectionChanges.pageSize)[...]
          }
          guard page.isEmpty else { break }
          guard isFollowing else { return nil }
          try await Task.sleep(for: CollectionChanges.interval)
        } catch is CancellationError {
          return nil
        }
      }
      let change = page.removeFirst()
      position = change.sequence
      return change
    }
  }
}
