import Freshet
import FreshetModel
import FreshetSystem
import Synchronization

extension LiveService {
  /// Why it ended by itself: the collection's folder was removed, moved away or replaced; `nil` when it did not.
  public var loss: FreshetError? { state.withLock { $0.loss } }

  /// Looks from time to time whether the collection is in its place, until it is not or the task is cancelled.
  func watchPlace() async {
    while !Task.isCancelled, await keepsPlace() { try? await Task.sleep(for: options.placeInterval) }
  }

  /// Whether the collection is in its place. When it is not, that is told once, and the service ends: what it would take up
  /// nobody would find.
  func keepsPlace() async -> Bool {
    let collection = collection
    do {
      try await looking.run { try collection.requirePlace() }
      return true
    } catch let error as FreshetError {
      let isFirst = state.withLock { state in
        guard state.loss == nil else { return false }
        state.loss = error
        return true
      }
      guard isFirst else { return false }
      tell(.lost(error))
      stop()
      return false
    } catch {
      // Cancelled: who does that ends it.
      return true
    }
  }
}
