import FoundationEssentials

/// Files of a test, read and damaged.
enum Folder {
  static func contents(_ path: String) throws -> [String: [UInt8]] {
    var contents: [String: [UInt8]] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: path) {
      contents[name] = try Array(Data(contentsOf: URL(filePath: path + "/" + name)))
    }
    return contents
  }

  /// Where the tests and the libraries built with them are.
  static func ofTestBundle() -> String {
    let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: path).deletingLastPathComponent().path
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
  }

  static func flip(_ path: String, byte: Int, bit: Int) throws {
    var bytes = try Array(Data(contentsOf: URL(filePath: path)))
    bytes[byte] ^= 1 << UInt8(bit)
    try write(bytes, to: path)
  }

  static func copy(_ path: String, to other: String) throws {
    try FileManager.default.copyItem(atPath: path, toPath: other)
  }

  static func remove(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }
}
