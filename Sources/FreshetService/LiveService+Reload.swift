import Freshet
import FreshetModel
import Synchronization

extension LiveService {
  /// Goes on with the collection under another configuration, and with other watchers where they are given; to be called by
  /// a guest. Everything is gone through as at the start.
  public func adopt(_ collection: Collection, feed: (any ChangeFeed)? = nil) {
    // The guest's is hosted by the service itself.
    let collection = collection.hosted(by: nil)
    let names = Set(collection.configuration.sources.map(\.name))
    let (options, following, delivering) = present.withLock { present in
      present.collection = collection
      present.options.take(collection.configuration)
      present.number += 1
      guard let feed else { return (present.options, nil as Task<Void, Never>?, present.delivering) }
      present.feed = feed
      present.feedNumber += 1
      return (present.options, present.following, present.delivering)
    }
    monitor.adopt(collection, options)
    state.withLock { state in
      state.keep(only: names)
      // New watchers are followed by a survey as soon as they watch.
      if feed == nil { state.nextSurvey = .now }
    }
    // The loop that follows begins with the new watchers.
    following?.cancel()
    delivering?.cancel()
    wakeup.wake()
  }

  /// Has documents of sources that are no longer configured seen to: only a run over everything does that.
  func noteDepartedSources() async {
    let collection = collection
    guard !collection.configuration.sources.isEmpty else { return }
    do {
      guard try await !collection.departedSources().isEmpty else { return }
      state.withLock { $0.workload.addEverything() }
      wakeup.wake()
    } catch {
      tell(.failed(FreshetError.describing(error), pause: .zero))
    }
  }
}
