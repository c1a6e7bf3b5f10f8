import FreshetModel

/// Where a model's repository is: a hub, the repository's name, a revision.
public struct HubAddress: Hashable, Sendable {
  /// The hub that is asked when nothing says otherwise.
  public static let defaultEndpoint = "https://huggingface.co"
  /// Whose repository a name without an owner means, as in the library sentence-transformers.
  public static let defaultOwner = "sentence-transformers"

  /// The hub's address, without a slash at its end.
  public let endpoint: String
  /// `owner/name`.
  public let repository: String
  /// A branch, a tag or a commit.
  public let revision: String
  /// Whether the user's token for the hub may be sent there.
  let takesToken: Bool

  /// Reads `name`, `owner/name`, either with `@revision`, or the address of a repository's page, also of a revision's
  /// (`…/tree/revision`).
  ///
  /// - Parameters:
  ///   - revision: in place of the text's.
  ///   - environment: `HF_ENDPOINT` names another hub.
  /// - Throws: `FreshetError` with `invalid_argument`.
  public init(_ text: String, revision: String? = nil, environment: [String: String]) throws {
    var hub = environment["HF_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultEndpoint
    while hub.hasSuffix("/") { hub.removeLast() }
    var endpoint = hub
    var parts: [Substring]
    var found: String?
    if text.hasPrefix("https://") || text.hasPrefix("http://") {
      let plain = text.prefix { $0 != "?" && $0 != "#" }
      if plain.hasPrefix(hub + "/") {
        parts = plain.dropFirst(hub.count + 1).split(separator: "/")
      } else {
        let pieces = plain.split(separator: "/", omittingEmptySubsequences: true)
        guard pieces.count > 1 else { throw Self.refusal(text) }
        endpoint = "\(pieces[0])//\(pieces[1])"
        parts = Array(pieces.dropFirst(2))
      }
      if parts.count > 3, ["tree", "blob", "resolve"].contains(parts[2]) { found = String(parts[3]) }
      guard parts.count == 2 || found != nil else { throw Self.refusal(text) }
      parts = Array(parts.prefix(2))
    } else {
      let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
      if halves.count == 2 { found = String(halves[1]) }
      parts = halves.first?.split(separator: "/", omittingEmptySubsequences: false) ?? []
      if parts.count == 1 { parts.insert(Self.defaultOwner[...], at: 0) }
    }
    guard parts.count == 2, parts.allSatisfy(Self.isName), !["datasets", "spaces", "api"].contains(parts[0]) else {
      throw Self.refusal(text)
    }
    let chosen = revision ?? found ?? "main"
    guard !chosen.isEmpty, chosen.utf8.allSatisfy(Self.isRevisionByte), !chosen.contains("..") else {
      throw FreshetError(.invalidArgument, "this is no name of a branch, tag or commit", path: chosen)
    }
    self.endpoint = endpoint
    self.revision = chosen
    repository = "\(parts[0])/\(parts[1])"
    takesToken = endpoint == hub
  }

  /// The repository's own name, as a model is called when it is installed.
  public var modelName: String { repository.split(separator: "/").last.map { $0.lowercased() } ?? repository }

  /// The address at which the hub describes the revision.
  var descriptionURL: String { "\(endpoint)/api/models/\(repository)/revision/\(Self.escaped(revision))" }

  /// The address of a file at a commit.
  func fileURL(_ path: String, commit: String) -> String {
    let parts = path.split(separator: "/").map { Self.escaped(String($0)) }
    return "\(endpoint)/\(repository)/resolve/\(commit)/\(parts.joined(separator: "/"))"
  }

  /// The hub's rule for names: letters, digits, `-`, `_`, `.`, at most 96 of them.
  private static func isName(_ text: Substring) -> Bool {
    (1...96).contains(text.utf8.count) && text.utf8.allSatisfy { isRevisionByte($0) && $0 != UInt8(ascii: "/") }
      && !text.hasPrefix(".") && !text.hasPrefix("-") && !text.contains("..")
  }

  private static func isRevisionByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"): true
    default: false
    }
  }

  /// Percent-encoded as one part of a path (RFC 3986 § 2.3).
  private static func escaped(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if isRevisionByte(byte), byte != UInt8(ascii: "/") {
        bytes.append(byte)
      } else {
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func refusal(_ text: String) -> FreshetError {
    FreshetError(
      .invalidArgument,
      "this is no model's name; give NAME, OWNER/NAME, OWNER/NAME@REVISION, or the address of its page",
      path: text
    )
  }
}
