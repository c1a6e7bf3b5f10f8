import Freshet
import FreshetCommandLine
import FreshetModel

extension CollectionEvent {
  /// A line for people.
  var line: String {
    let place = "\(at.description.prefix(19))Z  \(sequence)  "
    switch change {
    case .resyncStarted: return place + "everything that is there follows"
    case .resyncFinished: return place + "that was everything; what was not named is gone"
    case .changesSkipped: return place + "changes are missing here: they are no longer known"
    default:
      let from = previousOrigin.map { " (from \($0))" } ?? ""
      let why = reason.map { " (\($0.sentence))" } ?? ""
      return (place + "\(change.rawValue) \(source):\(origin)\(from)\(why)").displayable
    }
  }
}

extension Collection.ConsumerStatus {
  /// The state in one word.
  var stateText: String {
    if record.state == .disabled { return "disabled" }
    if lapse != nil { return "lapsed" }
    if record.resync != nil { return "resyncing" }
    return record.failures > 0 ? "failing" : "active"
  }

  /// A line of `events consumers --json`.
  var json: JSONValue {
    [
      "consumer": .string(record.name), "kind": .string(record.kind.rawValue), "state": .string(stateText),
      "sequence": .integer(record.position.sequence), "pending": .integer(pending),
      "failures": .integer(Int64(record.failures)), "error": record.lastError.map { .string($0) } ?? .null,
      "retry_at": record.retryAt.map { .string($0.description) } ?? .null,
      "lapsed": lapse.map { .string($0.rawValue) } ?? .null, "created_at": .string(record.createdAt.description),
      "moved_at": .string(record.movedAt.description),
    ]
  }
}

extension ChannelDelivery {
  /// What became of it, in words.
  var sentence: String {
    let taken = "\(consumer): \(Quantity.text(events, of: "event")) delivered"
    let left = pending > 0 ? "; \(Quantity.text(Int(pending), of: "change")) left for the next run" : ""
    let why = error.map { "; \($0.message)" } ?? ""
    switch state {
    case .delivered: return taken.displayable
    case .unfinished: return (taken + (left.isEmpty ? "; not finished" : left)).displayable
    case .failing:
      let retry = retryAt.map { ", tried again from \($0.description.prefix(19))Z on" } ?? ""
      return (taken + left + why + retry).displayable
    case .disabled: return (taken + "; disabled" + why).displayable
    case .elsewhere: return "\(consumer): another process delivers at the moment".displayable
    }
  }
}
