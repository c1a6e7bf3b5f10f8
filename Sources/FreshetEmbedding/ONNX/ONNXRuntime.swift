import CONNXRuntime
import FreshetModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// ONNX Runtime, loaded at first use: a sync that embeds nothing never pays for it.
///
/// `@unchecked Sendable`: `api` is a table that the library never changes, `environment` is made once and lives as long
/// as the process, and ONNX Runtime allows calls on both from any thread.
final class ONNXRuntime: @unchecked Sendable {
  let api: UnsafePointer<OrtApi>
  let environment: OpaquePointer
  /// What the library calls itself, `1.31.1`.
  let version: String

  private static let loaded = Mutex<ONNXRuntime?>(nil)

  /// The process's one runtime; the places count only for the call that loads it.
  /// - Throws: `FreshetError` with `model_unavailable`.
  static func load(from libraries: [String]) throws -> ONNXRuntime {
    try loaded.withLock { loaded in
      if let loaded { return loaded }
      let runtime = try ONNXRuntime(libraries: libraries)
      loaded = runtime
      return runtime
    }
  }

  private init(libraries: [String]) throws {
    var version: UnsafePointer<CChar>?
    var reason = [CChar](repeating: 0, count: 2048)
    let copies = libraries.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    let paths = copies.map { UnsafePointer($0) } + [nil]
    guard let api = freshet_onnxruntime_load(paths, &version, &reason, reason.count) else {
      let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw FreshetError(
        .modelUnavailable,
        "ONNX Runtime cannot be loaded (\(text)); run set-up, or set FRESHET_ONNXRUNTIME to its library"
      )
    }
    self.api = api
    self.version = version.map { String(cString: $0) } ?? ""
    var environment: OpaquePointer?
    try Self.check(api, api.pointee.CreateEnv(ORT_LOGGING_LEVEL_ERROR, "freshet", &environment), while: "starting")
    guard let environment else { throw FreshetError(.modelUnavailable, "ONNX Runtime did not start") }
    self.environment = environment
    // The bridge takes no library that would report before this; the call is for what comes later.
    try Self.check(api, api.pointee.DisableTelemetryEvents(environment), while: "starting")
  }

  /// Throws what a status says, and releases it.
  func check(_ status: OpaquePointer?, while action: String) throws {
    try Self.check(api, status, while: action)
  }

  private static func check(_ api: UnsafePointer<OrtApi>, _ status: OpaquePointer?, while action: String) throws {
    guard let status else { return }
    defer { api.pointee.ReleaseStatus(status) }
    let reason = api.pointee.GetErrorMessage(status).map { String(cString: $0) } ?? "no reason given"
    throw FreshetError(.embedderFailed, "ONNX Runtime failed while \(action): \(reason)")
  }
}
