#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where models and ONNX Runtime are looked for.
///
/// Models: `FRESHET_MODELS`, then `share/freshet/models` beside the command's `bin`, then the user's cache. ONNX
/// Runtime: `FRESHET_ONNXRUNTIME`, then `lib/freshet` beside the command's `bin`, then the user's cache, then where the
/// system's loader looks.
public struct ModelLocation: Sendable {
  /// Folders with one folder for each model, the first preferred.
  public var modelDirectories: [String]
  /// Files, or names for the system's loader, the first preferred.
  public var runtimeLibraries: [String]

  /// The folder that new models are put into; `nil` where there is none.
  public var pullDirectory: String?

  /// Looks in these places; new models go into the last unless another folder is named.
  public init(modelDirectories: [String], runtimeLibraries: [String], pullDirectory: String? = nil) {
    self.modelDirectories = modelDirectories
    self.runtimeLibraries = runtimeLibraries
    self.pullDirectory = pullDirectory ?? modelDirectories.last
  }

  /// The places of this process's environment and executable.
  public static func standard() -> ModelLocation {
    var models: [String] = []
    var libraries: [String] = []
    if let path = environment("FRESHET_MODELS") { models.append(path) }
    if let path = environment("FRESHET_ONNXRUNTIME") { libraries.append(path) }
    if let prefix = installationPrefix() {
      models.append(prefix + "/share/freshet/models")
      libraries.append(prefix + "/lib/freshet/" + libraryName)
    }
    if let cache = environment("XDG_CACHE_HOME") ?? environment("HOME").map({ $0 + "/.cache" }) {
      models.append(cache + "/freshet/models")
      libraries.append(cache + "/freshet/lib/" + libraryName)
    }
    libraries += [libraryName, developmentLibraryName]
    return ModelLocation(
      modelDirectories: models,
      runtimeLibraries: libraries,
      pullDirectory: environment("FRESHET_MODELS")
    )
  }

  /// The folder of a model, or nil where none has it. A name with a slash is the folder itself.
  public func directory(of model: String) -> String? {
    if model.utf8.contains(UInt8(ascii: "/")) { return Self.isModel(model) ? model : nil }
    return modelDirectories.lazy.map { $0 + "/" + model }.first(where: Self.isModel)
  }

  private static func isModel(_ directory: String) -> Bool {
    access(directory + "/model.json", R_OK) == 0
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  #if canImport(Darwin)
    private static let libraryName = "libonnxruntime.dylib"
    private static let developmentLibraryName = "libonnxruntime.1.dylib"

    private static func installationPrefix() -> String? { nil }
  #else
    private static let libraryName = "libonnxruntime.so.1"
    private static let developmentLibraryName = "libonnxruntime.so"

    /// The folder above the `bin` in which the executable stands.
    private static func installationPrefix() -> String? {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let length = readlink("/proc/self/exe", &buffer, buffer.count)
      guard length > 0 else { return nil }
      let path = buffer[..<length].map { UInt8(bitPattern: $0) }
      let parts = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropLast(2)
      return String(decoding: Array(parts.joined(separator: [UInt8(ascii: "/")])), as: UTF8.self)
    }
  #endif
}
