import CONNXRuntime
import FreshetModel

extension ONNXSession {
  /// What the model's inputs and outputs are called. Loads the model, and lets it go.
  /// - Throws: `FreshetError` with `embedder_failed` for a file that is no such model.
  static func signature(runtime: ONNXRuntime, path: String) throws -> (inputs: [String], outputs: [String]) {
    let session = try open(runtime, path)
    let api = runtime.api.pointee
    defer { api.ReleaseSession(session) }
    var allocator: UnsafeMutablePointer<OrtAllocator>?
    try runtime.check(api.GetAllocatorWithDefaultOptions(&allocator), while: "reading \(path)")
    func names(
      _ count: (UnsafeMutablePointer<Int>) -> OpaquePointer?,
      _ name: (Int, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> OpaquePointer?
    ) throws -> [String] {
      var total = 0
      try runtime.check(count(&total), while: "reading \(path)")
      return try (0..<total).map { index in
        var text: UnsafeMutablePointer<CChar>?
        try runtime.check(name(index, &text), while: "reading \(path)")
        guard let text else { return "" }
        defer { try? runtime.check(api.AllocatorFree(allocator, text), while: "reading \(path)") }
        return String(cString: text)
      }
    }
    return (
      try names(
        { api.SessionGetInputCount(session, $0) },
        { api.SessionGetInputName(session, $0, allocator, $1) }
      ),
      try names(
        { api.SessionGetOutputCount(session, $0) },
        { api.SessionGetOutputName(session, $0, allocator, $1) }
      )
    )
  }
}
