import Freshet
import FreshetModel
import FreshetSystem
import Synchronization

/// Hands alerts to webhooks and mail, beside everything else: what a receiver does holds nothing up and fails nothing.
final class AlertSender: Sendable {
  /// Alerts that wait; older ones go first.
  private static let waitingMax = 16
  /// Attempts at one receiver, and the pause before the second; each later one is four times as long.
  private static let attemptsMax = 3
  private static let pause = Duration.seconds(2)
  /// How long the end of the service waits for what is on its way.
  private static let patience = Duration.seconds(5)

  private let collection: Mutex<Collection>
  private let tell: @Sendable (LiveEvent) -> Void
  private let waiting = Mutex<[LiveAlert]>([])
  private let wakeup = WakeSignal()

  /// - Parameters:
  ///   - collection: whose receivers they are.
  ///   - tell: hears of receivers that did not take an alert.
  init(collection: Collection, tell: @escaping @Sendable (LiveEvent) -> Void) {
    self.collection = Mutex(collection)
    self.tell = tell
  }

  /// Goes on with the receivers of another configuration.
  func adopt(_ collection: Collection) { self.collection.withLock { $0 = collection } }

  /// Puts an alert into the queue.
  func send(_ alert: LiveAlert) {
    waiting.withLock { waiting in
      waiting.append(alert)
      if waiting.count > Self.waitingMax { waiting.removeFirst() }
    }
    wakeup.wake()
  }

  /// Hands over what comes, until the task is cancelled.
  func run() async {
    while !Task.isCancelled {
      if let alert = waiting.withLock({ $0.first }) {
        await deliver(alert, attempts: Self.attemptsMax)
        // One that was cut off is left to `finish`; it has the same identity then.
        if !Task.isCancelled { waiting.withLock { $0.removeAll { $0 == alert } } }
      } else {
        await wakeup.waitOrCancelled(until: nil)
      }
    }
  }

  /// Hands over what still waits, once each, for a bounded time.
  func finish() async {
    let alerts = waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
    guard !alerts.isEmpty else { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for alert in alerts { await self.deliver(alert, attempts: 1) } }
      group.addTask { try? await Task.sleep(for: Self.patience) }
      await group.next()
      group.cancelAll()
    }
  }

  private func deliver(_ alert: LiveAlert, attempts: Int) async {
    let collection = collection.withLock { $0 }
    let notice = Self.notice(of: alert, at: collection.folder.path)
    await withTaskGroup(of: Void.self) { group in
      for channel in collection.noticeChannels() {
        group.addTask { await self.deliver(notice, to: channel, attempts: attempts) }
      }
    }
  }

  private func deliver(_ notice: Notice, to channel: any NoticeChannel, attempts: Int) async {
    var wait = Self.pause
    for attempt in 1...attempts {
      do {
        return try await channel.send(notice)
      } catch {
        let cause = FreshetError.describing(error, as: .deliveryFailed)
        if Task.isCancelled { return }
        guard cause.isTransient, attempt < attempts else {
          return tell(.alertUndelivered(consumer: channel.consumer, cause))
        }
      }
      guard (try? await Task.sleep(for: wait * Double.random(in: 0.75...1.25))) != nil else { return }
      wait *= 4
    }
  }

  private static func notice(of alert: LiveAlert, at place: String) -> Notice {
    let text = "\(place) \(alert.cause.rawValue) \(alert.since.nanoseconds) \(alert.isOver)"
    return Notice(
      type: "alert",
      identity: String("\(SHA256.digest(of: Array(text.utf8)))".prefix(32)),
      title: (alert.isOver ? "Over: " : "Alert: ") + alert.sentence,
      lines: [
        "Collection \(place)", "The last that failed: \(alert.last): \(alert.error.message)",
        alert.isOver ? "It began \(alert.since.description)." : "`freshet failures` lists what is in quarantine.",
      ],
      data: .object(
        [.init("collection", .string(place))]
          + {
            if case .object(let members) = alert.json { members } else { [] }
          }()
      ),
      at: alert.at
    )
  }
}
