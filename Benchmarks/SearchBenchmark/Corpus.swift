import Freshet
import FreshetConfiguration
import FreshetModel
import FreshetSystem

/// A collection of at least so many passages: a folder of documents, and copies of it in which about a quarter of the
/// words are others.
struct Corpus {
  let folder: String
  private let original: String

  /// Takes the folder of documents, and the folder to work in.
  init(original: String, folder: String) throws {
    self.original = try FileSystem.absolutePath(original)
    self.folder = try FileSystem.absolutePath(folder)
    try FileSystem.createFolder(self.folder)
    try write(
      Array("collection: collection\nsources:\n  - path: documents\nembedder: { provider: hash }\n".utf8),
      to: configuration
    )
  }

  /// The same for the command.
  var configuration: String { folder + "/freshet.yaml" }

  var documents: String { folder + "/documents" }
  var collection: String { folder + "/collection" }

  /// Makes what is missing, and syncs.
  func prepare(passages: Int) async throws {
    var copies = 0
    while true {
      let collection = try await open(for: .writing())
      if copies > 0 { try await collection.sync() }
      let present = try await collection.store.read(.everything) { try $0.counts().passages }
      await collection.close()
      if present >= passages { return }
      while try FileSystem.exists(documents + "/\(copies)") { copies += 1 }
      print("\(present) passages; copying the documents (\(copies))")
      try copy(original, to: documents + "/\(copies)", number: copies)
    }
  }

  /// Opens the collection with the deterministic embedder.
  func open(for access: Collection.Access) async throws -> Collection {
    var configuration = Configuration(folder: folder)
    configuration.collection = collection
    configuration.sources = [try .folder(documents)]
    configuration.embedder.provider = .hash
    return try await Collection.open(configuration, for: access)
  }

  private func copy(_ source: String, to target: String, number: Int) throws {
    try FileSystem.createFolder(target)
    for name in try names(in: source) {
      let path = source + "/" + name
      if isFolder(path) {
        try copy(path, to: target + "/" + name, number: number)
      } else {
        let bytes = try FileSystem.read(path, limit: 1 << 30)
        try write(number == 0 ? bytes : Self.varied(bytes, number), to: target + "/" + name)
      }
    }
  }

  /// Words of four letters and more outside of tags, of which a quarter gets an ending.
  static func varied(_ bytes: [UInt8], _ number: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + bytes.count / 16)
    var isInTag = false
    var start = 0
    func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z") }
    while start < bytes.count {
      let byte = bytes[start]
      guard isLetter(byte) else {
        if byte == UInt8(ascii: "<") { isInTag = true }
        if byte == UInt8(ascii: ">") { isInTag = false }
        result.append(byte)
        start += 1
        continue
      }
      var end = start
      var hash: UInt32 = 0x811C_9DC5 &+ UInt32(number)
      while end < bytes.count, isLetter(bytes[end]) {
        hash = (hash ^ UInt32(bytes[end] | 0x20)) &* 0x0100_0193
        end += 1
      }
      result.append(contentsOf: bytes[start..<end])
      if !isInTag, end - start >= 4, (hash ^ hash >> 15) % 4 == 0 {
        result.append(contentsOf: [UInt8(ascii: "q"), UInt8(ascii: "a") + UInt8(number % 26)])
      }
      start = end
    }
    return result
  }
}
