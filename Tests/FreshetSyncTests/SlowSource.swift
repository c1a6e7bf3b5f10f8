import FreshetModel
import FreshetTestKit
import Synchronization

/// A source some of whose files cannot be read before the test lets them.
final class SlowSource: Source {
  private struct State {
    var isReleased = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let base: SampleSource
  private let waits: Set<String>
  private let state = Mutex(State())

  init(_ base: SampleSource, waits: Set<String>) {
    self.base = base
    self.waits = waits
  }

  func release() {
    let waiting = state.withLock { state in
      state.isReleased = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  var name: String { base.name }
  var location: String { base.location }
  var metadata: Metadata { base.metadata }
  var configurationFingerprint: String { base.configurationFingerprint }

  func listing(of paths: [[UInt8]]) async throws -> any Listing { try await base.listing(of: paths) }

  func fetch(_ item: ListedItem) async throws -> FetchedItem {
    if waits.contains(String(decoding: item.path, as: UTF8.self)) {
      await withCheckedContinuation { continuation in
        let isReleased = state.withLock { state in
          if !state.isReleased { state.waiting.append(continuation) }
          return state.isReleased
        }
        if isReleased { continuation.resume() }
      }
    }
    return try await base.fetch(item)
  }

  func absence(of path: [UInt8], fingerprint: ItemFingerprint) async -> Absence {
    await base.absence(of: path, fingerprint: fingerprint)
  }

  func origin(of path: [UInt8]) -> String { base.origin(of: path) }
  func uri(of origin: String) -> String { base.uri(of: origin) }
}
