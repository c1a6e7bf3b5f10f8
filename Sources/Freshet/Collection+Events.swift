import FreshetModel
import FreshetSync

extension Collection {
  /// The changes after a sequence as events, with address and metadata: each at least once, in the order of the log.
  ///
  /// ```swift
  /// for try await event in collection.events(after: report.sequence, matching: EventFilter(patterns: ["guide/*"])) { … }
  /// ```
  ///
  /// - Parameters:
  ///   - sequence: the last change that is known already; `nil` for all that are kept.
  ///   - filter: which ones.
  ///   - following: whether to wait for further changes, by whichever process they are made.
  /// - Returns: a sequence that throws what the store throws, and `consumer_lapsed` when changes after `sequence` are no
  ///   longer kept; it ends when its task is cancelled.
  public func events(
    after sequence: SequenceNumber? = nil,
    matching filter: EventFilter = EventFilter(),
    following: Bool = true
  ) -> CollectionEvents {
    CollectionEvents(
      changes: changes(after: sequence, following: following),
      expected: sequence.map { $0 + 1 },
      reader: EventReader(filter: filter, uri: uriOfOrigin),
      filter: filter,
      store: store
    )
  }

  /// The address that reopens what a source has at an origin; the origin itself for a source that is not configured.
  var uriOfOrigin: @Sendable (String, String) -> String {
    let sources = (try? factory.sources()) ?? []
    return { source, origin in sources.first { $0.name == source }?.uri(of: origin) ?? origin }
  }
}

/// A collection's events as they come: `Collection.events(after:matching:following:)`.
public struct CollectionEvents: AsyncSequence, Sendable {
  let changes: CollectionChanges
  let expected: SequenceNumber?
  let reader: EventReader
  let filter: EventFilter
  let store: any Store

  /// Begins after the sequence that the reader named.
  public func makeAsyncIterator() -> Iterator {
    Iterator(
      changes: changes.makeAsyncIterator(),
      expected: expected,
      reader: reader,
      filter: filter,
      store: store
    )
  }

  /// One reader of the events.
  public struct Iterator: AsyncIteratorProtocol {
    var changes: CollectionChanges.Iterator
    /// The sequence that the first change must have.
    var expected: SequenceNumber?
    let reader: EventReader
    let filter: EventFilter
    let store: any Store

    /// The next event; `nil` after the last one, or once the task is cancelled.
    public mutating func next() async throws -> CollectionEvent? {
      while let change = try await changes.next() {
        if let first = expected {
          expected = nil
          guard change.sequence == first else {
            throw FreshetError(
              .consumerLapsed,
              "the changes after \(first - 1) are no longer kept; the first one that is is \(change.sequence)"
            )
          }
        }
        guard filter.matches(change) else { continue }
        let reader = reader
        do {
          return try await store.read(.everything) { try reader.event(of: change, in: $0) }
        } catch is CancellationError {
          return nil
        }
      }
      return nil
    }
  }
}
