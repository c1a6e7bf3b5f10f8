import CCurl
import FreshetModel
import FreshetSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Limits of a client's exchanges.
public struct HTTPLimits: Hashable, Sendable {
  /// The longest that connecting may take.
  public var connectTimeout: Duration = .seconds(10)
  /// The longest that an exchange may take in all, each redirect counted anew.
  public var timeout: Duration = .seconds(60)
  /// Bytes of a decoded body above which an exchange is ended.
  public var maximumBodyBytes = 64 << 20
  /// Whether what a body has above `maximumBodyBytes` is dropped, and the exchange goes on.
  public var dropsLongBodies = false
  /// Bytes of all header fields above which an exchange is ended.
  public var maximumHeaderBytes = 64 << 10
  /// Redirects that are followed.
  public var maximumRedirects = 5
  /// Exchanges at the same time; more wait.
  public var maximumConcurrency = 4

  /// Starts with the defaults.
  public init() {}
}

/// Talks HTTP with servers on threads of its own, under an address policy.
///
/// Only http and https; certificates are verified; proxies of the environment are not used, because behind one the
/// policy could not see where a connection leads. libcurl is loaded at the first request.
public final class HTTPClient: Sendable {
  private let policy: AddressPolicy
  private let limits: HTTPLimits
  private let pool: ThreadPool
  private let slots = SlotPool()

  /// Prepares a client; nothing is loaded or connected yet.
  public init(policy: AddressPolicy = AddressPolicy(), limits: HTTPLimits = HTTPLimits()) {
    self.policy = policy
    self.limits = limits
    pool = ThreadPool(name: "freshet-http", threads: limits.maximumConcurrency)
  }

  /// The server's answer, whatever its status.
  ///
  /// Cancellation ends the exchange at once. `303`, and `301` or `302` after a `POST`, continue as `GET`.
  /// - Throws: `FreshetError` with `forbidden_address` for an address that the policy or the scheme refuses; `network`,
  ///   transient, when the server could not be reached in time or the connection broke, permanent when its certificate
  ///   does not hold, the answer is too large or redirects do not end; `CancellationError`.
  public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    var request = request
    for _ in 0...limits.maximumRedirects {
      let response = try await exchange(request)
      guard let target = response.redirect, (300..<400).contains(response.status), limits.maximumRedirects > 0 else {
        return response
      }
      request = redirected(request, to: target, status: response.status)
    }
    throw FreshetError(
      .network,
      "the server redirects more than \(limits.maximumRedirects) times.",
      path: HTTPAddress.displayed(request.url)
    )
  }

  private func redirected(_ request: HTTPRequest, to target: String, status: Int) -> HTTPRequest {
    var next = request
    next.url = target
    if status == 303 || (status < 303 && request.method == "POST") {
      next.method = request.method == "HEAD" ? "HEAD" : "GET"
      next.body = nil
      next.headers.removeAll { $0.name.lowercased().hasPrefix("content-") }
    }
    if HTTPAddress(request.url)?.origin != HTTPAddress(target)?.origin {
      next.headers.removeAll { Self.credentials.contains($0.name.lowercased()) }
    }
    return next
  }

  private static let credentials: Set<String> = [
    "authorization", "proxy-authorization", "cookie", "api-key", "x-api-key",
  ]

  private func exchange(_ request: HTTPRequest) async throws -> HTTPResponse {
    let token = CancellationToken()
    let (policy, limits, slots) = (policy, limits, slots)
    return try await withTaskCancellationHandler {
      try await pool.run {
        if let problem = freshet_http_load() {
          throw FreshetError(.network, "\(String(cString: problem)).")
        }
        let slot = try slots.take()
        defer { slots.give(back: slot) }
        return try Exchange.perform(request, on: slot, policy: policy, limits: limits, token: token)
      }
    } onCancel: {
      token.cancel()
    }
  }
}

/// An open connection slot.
///
/// `@unchecked Sendable`: it is used by the one thread that took it from its pool; `cancel` may come from any thread
/// while it is taken, and only sets an atomic flag and wakes the thread.
final class Slot: @unchecked Sendable {
  let handle: OpaquePointer

  init?() {
    guard let handle = freshet_http_open() else { return nil }
    self.handle = handle
  }

  deinit {
    freshet_http_close(handle)
  }
}

/// Slots that wait for the next exchange, with their connections open.
private final class SlotPool: Sendable {
  private let idle = Mutex<[Slot]>([])

  func take() throws -> Slot {
    if let slot = idle.withLock({ $0.popLast() }) { return slot }
    guard let slot = Slot() else { throw FreshetError(.network, "there is not enough memory for a connection.") }
    return slot
  }

  func give(back slot: Slot) {
    idle.withLock { $0.append(slot) }
  }
}

/// Tells a running exchange to end. States: waiting → running → ended; cancelled at any time.
final class CancellationToken: Sendable {
  private struct State {
    var isCancelled = false
    var slot: Slot?
  }

  private let state = Mutex(State())

  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  /// Passes the slot to `cancel`, unless it came before.
  func begin(_ slot: Slot) throws {
    try state.withLock { state in
      guard !state.isCancelled else { throw CancellationError() }
      freshet_http_reset(slot.handle)
      state.slot = slot
    }
  }

  func end() {
    state.withLock { $0.slot = nil }
  }

  func cancel() {
    state.withLock { state in
      state.isCancelled = true
      if let slot = state.slot { freshet_http_cancel(slot.handle) }
    }
  }
}
