import FreshetModel
import FreshetSync
import Synchronization

/// A function that follows a collection's changes; it is called until `cancel`.
public struct ChangeSubscription: Sendable {
  let number: Int
  let callbacks: ChangeCallbacks

  /// Ends the calls: none begins after this returned.
  public func cancel() { callbacks.remove(number) }
}

/// The functions of a collection, in the order in which they were registered.
final class ChangeCallbacks: Sendable {
  struct Callback: Sendable {
    var number: Int
    var filter: EventFilter
    var body: @Sendable (CollectionEvent) async throws -> Void
  }

  private struct State {
    var last = 0
    var callbacks: [Callback] = []
  }

  private let state = Mutex(State())

  var all: [Callback] { state.withLock { $0.callbacks } }

  func add(_ filter: EventFilter, _ body: @escaping @Sendable (CollectionEvent) async throws -> Void) -> Int {
    state.withLock { state in
      state.last += 1
      state.callbacks.append(Callback(number: state.last, filter: filter, body: body))
      return state.last
    }
  }

  func remove(_ number: Int) {
    state.withLock { $0.callbacks.removeAll { $0.number == number } }
  }

  private func has(_ number: Int) -> Bool { state.withLock { $0.callbacks.contains { $0.number == number } } }

  /// Calls every function that wants the change's event, one after the other; one that throws is counted.
  func call(_ change: ChangeRecord, _ event: CollectionEvent, _ report: inout CallbackReport) async {
    for callback in all where callback.filter.matches(change) && has(callback.number) {
      report.calls += 1
      do {
        try await callback.body(event)
      } catch {
        report.add(error, about: event)
      }
    }
  }
}

extension Collection {
  /// Registers a function for the changes that this process's syncs make, and for those that `follow` sees.
  ///
  /// ```swift
  /// let subscription = collection.onChange(matching: EventFilter(sources: ["docs"])) { event in
  ///   print(event.change, event.origin)
  /// }
  /// let report = try await collection.sync()        // report.callbacks counts calls and errors
  /// ```
  ///
  /// It is called after the commit, in the order of the log, one event at a time. What it throws stops nothing: the sync's
  /// report (or that of `follow`) counts and quotes it; the sync ends when the last call has. Calls are not repeated after a crash: a `consumer` is for that.
  @discardableResult
  public func onChange(
    matching filter: EventFilter = EventFilter(),
    _ body: @escaping @Sendable (CollectionEvent) async throws -> Void
  ) -> ChangeSubscription {
    ChangeSubscription(number: callbacks.add(filter, body), callbacks: callbacks)
  }

  /// Calls the registered functions for the changes after a sequence, by whichever process they are made, until the task is
  /// cancelled.
  ///
  /// - Parameter sequence: the last change that is known already; `nil` for the present's.
  /// - Returns: what was called.
  /// - Throws: what the store throws.
  @discardableResult
  public func follow(after sequence: SequenceNumber? = nil) async throws -> CallbackReport {
    var report = CallbackReport()
    var start = sequence ?? 0
    if sequence == nil { start = try await store.read(.everything) { $0.head.sequence } }
    try await callBack(changes(after: start), &report)
    return report
  }

  /// Runs a sync whose changes the registered functions are called for while it goes on, and to the last one after it.
  func callingBack(
    _ sync: (_ changed: @escaping @Sendable () -> Void) async throws -> SyncReport
  ) async throws -> SyncReport {
    guard !callbacks.all.isEmpty else { return try await sync {} }
    let start = try await store.read(.everything) { $0.head.sequence }
    let (commits, committed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let calls = Task {
      var report = CallbackReport()
      var position = start
      for await _ in commits {
        position = try await callBack(changes(after: position, following: false), &report) ?? position
      }
      try await callBack(changes(after: position, following: false), &report)
      return report
    }
    do {
      var report = try await sync { committed.yield() }
      committed.finish()
      report.callbacks.add(try await calls.value)
      return report
    } catch {
      committed.finish()
      // What was committed before the failure is told nevertheless.
      _ = try? await calls.value
      throw error
    }
  }

  /// Calls the functions for each change; answers the last one's sequence.
  @discardableResult
  private func callBack(_ changes: CollectionChanges, _ report: inout CallbackReport) async throws -> SequenceNumber? {
    let reader = EventReader(uri: uriOfOrigin)
    var last: SequenceNumber?
    for try await change in changes {
      do {
        let event = try await store.read(.everything) { try reader.event(of: change, in: $0) }
        await callbacks.call(change, event, &report)
      } catch is CancellationError {
        break
      }
      last = change.sequence
    }
    return last
  }
}
