import CFaissLoader
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How the FAISS index of the `faiss` backend is built and searched.
public struct FAISSParameters: Sendable, Hashable {
  /// Inverted lists (IndexIVFFlat); 0 for IndexFlatIP.
  public var lists = 0
  /// Lists that a search looks into.
  public var probes = 16
  /// Where `libfreshet-faiss.so` is; `nil` for beside the program or in `../lib/freshet` from there.
  public var library: String?

  /// Takes the defaults.
  public init() {}

  /// Lists are trained well from so many vectors each (FAISS's own recommendation); fewer lists are made of less.
  static let vectorsPerList = 39
}

/// The shared library with FAISS in it.
enum FAISSLibrary {
  static let fileName = "libfreshet-faiss.so"

  /// The library's functions; loaded at the first call.
  /// - Throws: `FreshetError` with `index_failed` when there is no such library.
  static func functions(_ parameters: FAISSParameters) throws -> freshet_faiss_functions {
    var candidates = parameters.library.map { [$0] } ?? []
    if candidates.isEmpty, let folder = programFolder() {
      candidates = [folder + "/" + fileName, folder + "/../lib/freshet/" + fileName]
    }
    var message = FailureMessage()
    for path in candidates where access(path, R_OK) == 0 {
      if let functions = freshet_faiss_load(path, &message.bytes, message.bytes.count) { return functions.pointee }
    }
    let cause = message.text.isEmpty ? "it is neither beside the program nor in ../lib/freshet" : message.text
    throw FreshetError(
      .indexFailed,
      "The FAISS library cannot be loaded (\(cause)): install \(fileName), or set index.backend to auto."
    )
  }

  private static func programFolder() -> String? {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    guard count > 0 else { return nil }
    let text = String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return FileSystem.split(text).folder
  }
}

/// Room for a sentence that a C function writes.
struct FailureMessage {
  var bytes = [CChar](repeating: 0, count: 512)

  /// The sentence; empty when none was written.
  var text: String {
    String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
