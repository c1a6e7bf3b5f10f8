import FreshetModel
import FreshetSystem

/// Names one version of a document: a number, a place in its history, or a share of an experiment.
///
/// ```swift
/// let text = try await collection.version(.assigned(to: user, among: [1, 4]), of: "prompts/answer.md").content
/// ```
public struct VersionSelector: Hashable, Sendable, ExpressibleByIntegerLiteral {
  enum Choice: Hashable, Sendable {
    case number(Int)
    case first
    case previous
    case latest
    case random
    case assigned(VersionAssignment)
  }

  let choice: Choice

  /// The oldest version.
  public static let first = Self(choice: .first)
  /// The newest version.
  public static let latest = Self(choice: .latest)
  /// The version before the newest.
  public static let previous = Self(choice: .previous)
  /// Any version that has a content, each as likely as another; drawn anew at each call.
  public static let random = Self(choice: .random)

  /// The version of that number, from 1.
  public static func number(_ number: Int) -> Self { Self(choice: .number(number)) }

  /// One of some versions, always the same for a key, as `VersionAssignment` says.
  ///
  /// - Parameters:
  ///   - key: what is assigned: a user, a session.
  ///   - versions: the versions; a version's place among them is its group.
  ///   - weights: how many keys each gets, as shares of their sum; `nil` for equal ones.
  ///   - experiment: another name assigns the same keys anew.
  public static func assigned(
    to key: String,
    among versions: [Int],
    weights: [Double]? = nil,
    experiment: String = ""
  ) -> Self {
    Self(choice: .assigned(VersionAssignment(key: key, versions: versions, weights: weights, experiment: experiment)))
  }

  init(choice: Choice) { self.choice = choice }

  /// The version of that number, from 1.
  public init(integerLiteral number: Int) { self = .number(number) }

  /// Reads a number, `first`, `previous`, `latest` or `random`; `nil` for anything else.
  public init?(_ text: String) {
    switch text {
    case "first": self = .first
    case "previous": self = .previous
    case "latest": self = .latest
    case "random": self = .random
    default:
      guard let number = Int(text), number > 0 else { return nil }
      self = .number(number)
    }
  }

  /// The version that is meant, and its group when one was assigned.
  ///
  /// - Parameter versions: the document's versions, oldest first.
  /// - Throws: `FreshetError` with `not_found`, or `invalid_argument` for an assignment among nothing.
  func version(among versions: [VersionRecord], of document: DocumentRecord) throws -> (VersionRecord, group: Int?) {
    switch choice {
    case .number(let number): return (try Self.version(number, versions, document), nil)
    case .first: return (try Self.version(versions.first?.number ?? 1, versions, document), nil)
    case .latest: return (try Self.version(versions.last?.number ?? 1, versions, document), nil)
    case .previous:
      guard versions.count > 1 else {
        throw FreshetError(
          .notFound,
          "the document has one version only, so there is none before it",
          path: document.origin
        )
      }
      return (versions[versions.count - 2], nil)
    case .random:
      guard let version = versions.filter({ $0.kind != .deleted }).randomElement() else {
        return (try Self.version(1, versions, document), nil)
      }
      return (version, nil)
    case .assigned(let assignment):
      let group = try assignment.group()
      return (try Self.version(assignment.versions[group], versions, document), group)
    }
  }

  private static func version(
    _ number: Int,
    _ versions: [VersionRecord],
    _ document: DocumentRecord
  ) throws -> VersionRecord {
    guard let version = versions.first(where: { $0.number == number }) else {
      throw FreshetError(
        .notFound,
        "there is no version \(number); the document has versions 1 to \(versions.count)",
        path: document.origin
      )
    }
    return version
  }
}

/// Assigns keys to versions, always the same to the same.
///
/// The first eight bytes of SHA-256 over `freshet-assignment/1`, a NUL, the experiment, a NUL and the key, each in UTF-8,
/// are a number, the most significant byte first; divided by 2⁶⁴ it is the key's place from 0 to 1. The versions share that
/// range in their order by their weights, and the key gets the one in whose part it stands. So any program can compute the
/// same, and keys of other versions or weights move only as far as the parts do.
public struct VersionAssignment: Hashable, Sendable {
  /// What is assigned.
  public var key: String
  /// The versions; the place of one is its group.
  public var versions: [Int]
  /// The shares; `nil` for equal ones.
  public var weights: [Double]?
  /// Another experiment assigns the same keys anew.
  public var experiment: String

  /// Describes an assignment.
  public init(key: String, versions: [Int], weights: [Double]? = nil, experiment: String = "") {
    self.key = key
    self.versions = versions
    self.weights = weights
    self.experiment = experiment
  }

  /// The place of the key's version among the versions.
  ///
  /// - Throws: `FreshetError` with `invalid_argument` when there is no version, or the weights are not as many, not
  ///   positive or all 0.
  public func group() throws -> Int {
    let weights = weights ?? [Double](repeating: 1, count: versions.count)
    let sum = weights.reduce(0, +)
    guard !versions.isEmpty, weights.count == versions.count, weights.allSatisfy({ $0 >= 0 && $0.isFinite }), sum > 0,
      sum.isFinite
    else {
      throw FreshetError(
        .invalidArgument,
        "an assignment needs at least one version and a weight for each, none negative and not all 0"
      )
    }
    var bytes = Array("freshet-assignment/1".utf8) + [0]
    bytes += Array(experiment.utf8) + [0] + Array(key.utf8)
    let number = SHA256.digest(of: bytes).bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let place = Double(number) / 0x1p64 * sum
    var end = 0.0
    for (index, weight) in weights.enumerated() {
      end += weight
      if place < end { return index }
    }
    // Rounding may leave the last key at the very end.
    return weights.lastIndex { $0 > 0 } ?? 0
  }
}
