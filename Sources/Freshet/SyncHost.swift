import FreshetModel
import FreshetSync
import Synchronization

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

  /// It is paused: does what must not wait, for a short while.
  ///
  /// - Parameter stop: given when the guest's sync is to end.
  func makeWay(_ stop: StopSignal) async
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
      let passing = Mutex(0)
      let report: SyncReport
      do {
        report = try await sync(request, stop: stop, pause: pause) { event in
          if case .failed(let failure) = event, failure.error.isTransient { passing.withLock { $0 += 1 } }
          host.guestTold(event)
          handler(event)
        }
      } catch {
        host.guestEnded(nil, after: .now - start)
        throw error
      }
      host.guestEnded(report.subtracting(request.continuing), after: .now - start)
      guard report.interrupted, pause.isGiven, !stop.isGiven else { return report.settled }
      await host.makeWay(stop)
      request.continuing = report.forNextPart(failuresThatPass: passing.withLock { $0 })
    }
  }
}

extension SyncReport {
  /// What the next part of a sync goes on from: it counts again what this one found unchanged or skipped, what this one has
  /// done, as unchanged, and what failed for a passing reason.
  fileprivate func forNextPart(failuresThatPass: Int) -> SyncReport {
    var report = self
    report.documents.unchanged = -(documents.changed - documents.deleted + documents.refreshed)
    report.documents.skipped = 0
    report.documents.failed -= failuresThatPass
    return report
  }
}
