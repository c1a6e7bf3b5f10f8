import Freshet
import FreshetCommandLine
import FreshetModel

extension Option {
  /// `--as-of`: asks for a state of the past.
  static func asOf(_ purpose: String) -> Option {
    .value(
      "as-of",
      "moment",
      .text,
      "\(purpose) then: at the end of a day (2026-03-01) or time, '2h ago', after a change (42) or a run."
    )
  }
}

extension Invocation {
  /// The moment of `--as-of`.
  func asOf() throws -> Moment? { try value("as-of").map { try Moment($0) } }
}

extension Session {
  /// The change that a moment names in a collection.
  func sequence(of moment: Moment?, in collection: Collection) async throws -> SequenceNumber? {
    guard let moment else { return nil }
    return try await collection.sequence(of: moment)
  }

  /// Tells people which state they see.
  func sayMoment(_ moment: Moment?, sequence: SequenceNumber) {
    guard moment != nil, !isQuiet else { return }
    diagnostics.line(sequence == 0 ? "Before the first change." : "As of change \(sequence).")
  }
}

extension JSONValue {
  /// The object with the sequence that it was read at, when that was asked for.
  func adding(sequence: SequenceNumber?) -> JSONValue {
    sequence.map { adding("sequence", .integer($0)) } ?? self
  }

  /// The object with one more member.
  func adding(_ name: String, _ value: JSONValue) -> JSONValue {
    guard case .object(let members) = self else { return self }
    return .object(members + [Member(name, value)])
  }
}
