import CCrypto
import Foundation
import FreshetModel
import FreshetSystem
import Synchronization

/// A model hub on 127.0.0.1 with one repository, speaking the hub's documented protocol: large files are described by
/// `X-Linked-ETag` and fetched after a redirect to their store, small ones by their git object name.
final class SampleHub: Sendable {
  static let commit = "0123456789abcdef0123456789abcdef01234567"
  static let repository = "someone/Some-Model"

  struct Troubles: Sendable {
    /// Parts of large files after which the store of large files breaks off.
    var partsUntilBreak: Int?
    /// Whether the store of large files sends other bytes than described.
    var corrupts = false
    /// Whether parts are answered with the whole.
    var ignoresRanges = false
    /// The token that is asked for.
    var token: String?
    /// The address of the store of large files, when it is not the hub's own.
    var storeElsewhere: String?
  }

  let server: LocalServer
  private let state: StateBox

  private final class StateBox: Sendable {
    let files: [String: [UInt8]]
    let hashes: [String: String]
    let troubles = Mutex(Troubles())

    init(_ files: [String: [UInt8]]) {
      self.files = files
      hashes = files.filter { SampleHub.isLarge($0.key) }.mapValues { SHA256.digest(of: $0).description }
    }
  }

  init(_ files: [String: [UInt8]]) throws {
    let state = StateBox(files)
    self.state = state
    server = try LocalServer { request, _ in
      request.path.hasPrefix("/store/") ? Self.part(request, state) : Self.answer(request, state)
    }
  }

  /// Requests for large files.
  var stored: [LocalServer.Request] { server.requests.filter { $0.path.hasPrefix("/store/") } }
  /// All others.
  var asked: [LocalServer.Request] { server.requests.filter { !$0.path.hasPrefix("/store/") } }

  var environment: [String: String] { ["HF_ENDPOINT": server.url] }

  func trouble(_ change: (inout Troubles) -> Void) { state.troubles.withLock { change(&$0) } }

  func stop() { server.stop() }

  static func isLarge(_ path: String) -> Bool { path.hasSuffix(".onnx") || path.hasSuffix("_data") }

  private static func answer(_ request: LocalServer.Request, _ state: StateBox) -> LocalServer.Reply {
    let troubles = state.troubles.withLock { $0 }
    if let token = troubles.token, request.headers["authorization"] != "Bearer \(token)" {
      return .answer(status: 401, body: #"{"error":"Invalid credentials in Authorization header"}"#)
    }
    for revision in ["main", "v1", commit] where request.path == "/api/models/\(repository)/revision/\(revision)" {
      let siblings = state.files.keys.sorted().map { "{\"rfilename\":\"\($0)\"}" }.joined(separator: ",")
      let card = "\"cardData\":{\"license\":\"apache-2.0\"}"
      let body = "{\"id\":\"\(repository)\",\"sha\":\"\(commit)\",\(card),\"siblings\":[\(siblings)]}"
      return .answer(status: 200, body: body)
    }
    let prefix = "/\(repository)/resolve/\(commit)/"
    guard request.path.hasPrefix(prefix), let bytes = state.files[String(request.path.dropFirst(prefix.count))] else {
      return .answer(status: 404, headers: ["X-Error-Code": "EntryNotFound"])
    }
    let path = String(request.path.dropFirst(prefix.count))
    if let hash = state.hashes[path] {
      return .bytes(
        status: 302,
        headers: [
          "Location": "\(troubles.storeElsewhere ?? "")/store/\(path)", "X-Linked-ETag": "\"\(hash)\"",
          "X-Linked-Size": "\(bytes.count)",
          "X-Repo-Commit": commit, "ETag": "\"of-the-redirect\"",
        ],
        body: request.method == "HEAD" ? nil : []
      )
    }
    var digest = [UInt8](repeating: 0, count: 20)
    let blob = Array("blob \(bytes.count)".utf8) + [0] + bytes
    _ = SHA1(blob, blob.count, &digest)
    let headers = ["ETag": "\"\(Hexadecimal.encode(digest))\"", "X-Repo-Commit": commit]
    if request.method == "HEAD" {
      return .bytes(status: 200, headers: headers.merging(["Content-Length": "\(bytes.count)"]) { $1 }, body: nil)
    }
    return range(request, bytes, headers)
  }

  private static func part(_ request: LocalServer.Request, _ state: StateBox) -> LocalServer.Reply {
    guard let bytes = state.files[String(request.path.dropFirst("/store/".count))] else { return .answer(status: 404) }
    let troubles = state.troubles.withLock { troubles -> Troubles in
      let now = troubles
      if let parts = troubles.partsUntilBreak { troubles.partsUntilBreak = max(0, parts - 1) }
      return now
    }
    if troubles.partsUntilBreak == 0 { return .raw("") }
    let content = troubles.corrupts ? bytes.map { $0 ^ 1 } : bytes
    return troubles.ignoresRanges ? .bytes(status: 200, headers: [:], body: content) : range(request, content, [:])
  }

  private static func range(
    _ request: LocalServer.Request,
    _ bytes: [UInt8],
    _ headers: [String: String]
  ) -> LocalServer.Reply {
    guard let field = request.headers["range"], field.hasPrefix("bytes=") else {
      return .bytes(status: 200, headers: headers, body: bytes)
    }
    let bounds = field.dropFirst(6).split(separator: "-").compactMap { Int($0) }
    guard bounds.count == 2, bounds[0] <= bounds[1], bounds[1] < bytes.count else { return .answer(status: 416) }
    let described = ["Content-Range": "bytes \(bounds[0])-\(bounds[1])/\(bytes.count)"]
    return .bytes(
      status: 206,
      headers: headers.merging(described) { $1 },
      body: Array(bytes[bounds[0]...bounds[1]])
    )
  }
}
