import Freshet
import FreshetModel
import Synchronization

extension LiveService {
  /// Hands events over as the present configuration says, until the task is cancelled.
  func deliverEvents() async {
    while !Task.isCancelled {
      let (collection, number) = present.withLock { ($0.collection, $0.number) }
      let delivering = Task { () async throws -> [ChannelDelivery] in
        if collection.hasEventChannels { return try await collection.deliverEvents(following: true) }
        // Nobody gets any; the next configuration may know somebody.
        while true { try await Task.sleep(for: .seconds(86_400)) }
      }
      let isCurrent = present.withLock { present in
        present.delivering = delivering
        return present.number == number
      }
      if !isCurrent { delivering.cancel() }
      do {
        _ = try await withTaskCancellationHandler {
          try await delivering.value
        } onCancel: {
          delivering.cancel()
        }
      } catch let error as FreshetError {
        tell(.failed(error, pause: options.errorPauseMaximum))
      } catch {
        // Cancelled: with the service, or for another configuration.
      }
      if present.withLock({ $0.number == number }) { try? await Task.sleep(for: options.errorPauseMaximum) }
    }
  }
}
