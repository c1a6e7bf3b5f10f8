import FreshetModel

/// Documents fail in numbers, or that is over.
public struct LiveAlert: Hashable, Sendable {
  /// What it is of.
  public enum Cause: String, Sendable, CaseIterable {
    /// So many documents failed one after the other.
    case failuresInARow = "failures_in_a_row"
    /// So large a share of the last documents failed.
    case failureRate = "failure_rate"
  }

  /// What it is of.
  public var cause: Cause
  /// Whether it is over.
  public var isOver = false
  /// Documents that failed.
  public var failures: Int
  /// Documents that were tried.
  public var documents: Int
  /// The time that they are of; `nil` for those in a row.
  public var window: Duration?
  /// The last document that failed, with its source's name.
  public var last: String
  /// Why it failed.
  public var error: FreshetErrorRecord
  /// When the alert began.
  public var since: Timestamp
  /// When this was noticed.
  public var at: Timestamp

  /// What there is to say, as a sentence.
  public var sentence: String {
    switch (cause, isOver) {
    case (.failuresInARow, false): "\(Quantity.text(failures, of: "document")) failed in a row"
    case (.failuresInARow, true): "documents succeed again after failures in a row"
    case (.failureRate, false):
      "\(failures) of \(Quantity.text(documents, of: "document")) failed within \(Quantity.text(window ?? .zero))"
    case (.failureRate, true): "few documents fail any more"
    }
  }

  /// The alert for programs.
  public var json: JSONValue {
    [
      "cause": .string(cause.rawValue), "state": isOver ? "over" : "begun", "failures": .integer(Int64(failures)),
      "documents": .integer(Int64(documents)),
      "window_seconds": window.map { .integer($0.components.seconds) } ?? .null,
      "last": .string(last), "error": ["code": .string(error.code.rawValue), "message": .string(error.message)],
      "since": .string(since.description), "message": .string(sentence),
    ]
  }
}
