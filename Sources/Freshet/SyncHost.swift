import FreshetModel
import FreshetSync

/// Somebody who keeps a collection in step with its sources, and lets others sync in between.
///
/// ```
/// guest's sync ──(paused)──▶ host's own work ──▶ the guest's sync goes on … ──▶ one report
/// ```
public protocol SyncHost: Sendable {
  /// A guest's sync begins, or goes on.
  ///
  /// - Parameter run: to be told how long calls of the embedder may take, and, where it `canPause`, to be given when
  ///   something must not wait.
  func guestBegan(_ run: StopSignal, canPause: Bool)

  /// Something happened in it.
  func guestTold(_ event: SyncEvent)

  /// It ended, or is paused.
  ///
  /// - Parameter change: what it did since it began or went on; `nil` when it failed as a whole.
  func guestEnded(_ change: SyncReport?, after duration: Duration)

  /// It is paused: does what must not wait.
  func makeWay() async
}

extension SyncRequest {
  /// Whether another sync that goes on with it does only what it has not done.
  fileprivate var canPause: Bool {
    !force && !ignoresEmbeddingCache && !checksum && !retriesFailures && !stopsAtFailure && !allowMassDelete
      && annotation == nil && continuing == nil && !onlyVectors
  }
}

extension Collection {
  /// Does a sync as a guest, with pauses where its host has something to do that must not wait.
  func sync(
    _ request: SyncRequest,
    guestOf host: any SyncHost,
    stop: StopSignal,
    _ handler: @escaping @Sendable (SyncEvent) -> Void
  ) async throws -> SyncReport {
    let canPause = request.canPause
    var request = request
    while true {
      let pause = canPause ? StopSignal(following: stop) : stop
      host.guestBegan(pause, canPause: canPause)
      let start = ContinuousClock.now
      var report: SyncReport
      do {
        report = try await sync(request, stop: stop, pause: pause) { event in
          host.guestTold(event)
          handler(event)
        }
      } catch {
        host.guestEnded(nil, after: .now - start)
        throw error
      }
      host.guestEnded(report.subtracting(request.continuing), after: .now - start)
      guard report.interrupted, pause.isGiven, !stop.isGiven else {
        if let earlier = request.continuing { report.forgetAgain(earlier) }
        return report
      }
      await host.makeWay()
      request.continuing = report
    }
  }
}

extension SyncReport {
  /// Counts as unchanged only what was so when the sync began: what an earlier part has done, and what it found unchanged,
  /// the last part has found unchanged again.
  fileprivate mutating func forgetAgain(_ earlier: SyncReport) {
    let before = earlier.documents
    let again = before.changed - before.deleted + before.refreshed + before.unchanged
    documents.unchanged = max(0, documents.unchanged - again)
    documents.skipped = max(0, documents.skipped - before.skipped)
  }
}
