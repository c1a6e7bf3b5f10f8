import CSystem

/// What a service tells the manager that started it (sd_notify(3)); nothing where there is none.
public struct ServiceManager: Sendable {
  private let socket: String?
  /// How often the manager wants to hear that the service is alive, so often twice; `nil` when it does not.
  public let watchdogInterval: Duration?

  /// - Parameter environment: the process's variables.
  public init(environment: [String: String]) {
    socket = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    watchdogInterval = environment["WATCHDOG_USEC"].flatMap { Int64($0) }.map { .microseconds($0 / 2) }
  }

  /// The service is at work; with a line that says what it does.
  public func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
  /// The service reads its configuration anew; `ready` says that it has.
  public func reloading() { send("RELOADING=1") }
  /// The service ends.
  public func stopping() { send("STOPPING=1") }
  /// The service is alive.
  public func alive() { send("WATCHDOG=1") }

  private func send(_ text: String) {
    // A manager that does not listen is its own trouble.
    if let socket { _ = freshet_send_text(socket, text) }
  }
}
