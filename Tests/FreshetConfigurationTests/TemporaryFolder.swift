import Foundation
import Testing

/// A fresh folder for one test, removed with it.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/freshet-configuration-XXXXXX".utf8CString)
    let name = try #require(mkdtemp(&template))
    path = String(cString: try #require(realpath(name, nil)))
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Makes folders up to that one.
  @discardableResult func makeFolder(_ name: String) -> String {
    var folder = path
    for part in name.split(separator: "/") {
      folder += "/" + part
      mkdir(folder, 0o755)
    }
    return folder
  }

  @discardableResult func write(_ name: String, _ text: String) throws -> String {
    let file = path + "/" + name
    let stream = try #require(fopen(file, "w"))
    fputs(text, stream)
    fclose(stream)
    return file
  }

  func mode(_ name: String) -> UInt32? {
    var status = stat()
    return lstat(path + "/" + name, &status) == 0 ? status.st_mode & 0o777 : nil
  }

  func names(in folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder))?.sorted() ?? []
  }
}
