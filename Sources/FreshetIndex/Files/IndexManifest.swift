import CVectorMath
import FreshetModel
import FreshetSystem

/// Which files make up the index, and up to where they hold: the one file that is replaced.
///
/// Lines of a name and a value; the last is the CRC-32C of those before. Paths are names in the same folder.
struct IndexManifest: Hashable {
  /// A base, and what is known of it.
  struct Base: Hashable {
    var file: String
    /// Vectors in it.
    var live: Int
    /// When it was built.
    var builtAt: Timestamp
  }

  /// The first line.
  private static let title = "freshet-index 1"
  static let fileName = "manifest"
  /// A manifest with 32 deltas has about 3 KB.
  private static let maximumBytes = 1 << 20

  var position: IndexPosition
  var backend: IndexBackend
  var base: Base
  /// Files above the base, oldest first.
  var deltas: [String] = []
  /// Vectors added since the base was built.
  var added = 0
  /// Vectors removed since the base was built.
  var removed = 0
  /// The base before this one.
  var backup: Base?

  /// Every file that must stay.
  var files: Set<String> {
    Set(deltas + [base.file, Self.fileName] + (backup.map { [$0.file] } ?? []))
  }

  /// The share of the vectors at the last build that changed since, counting so many more; infinite from an empty base.
  func changedRatio(adding more: Int = 0) -> Double {
    let changed = added + removed + more
    if changed == 0 { return 0 }
    return base.live == 0 ? .infinity : Double(changed) / Double(base.live)
  }

  /// The stored form.
  var text: String {
    var lines = [
      Self.title, "collection \(position.collection)", "epoch \(position.epoch)", "sequence \(position.sequence)",
      "chain \(position.chain)", "model \(Hexadecimal.encode(position.model.utf8))", "backend \(backend.rawValue)",
      "base \(Self.line(base))", "added \(added)", "removed \(removed)",
    ]
    lines += deltas.map { "delta \($0)" }
    if let backup { lines.append("backup \(Self.line(backup))") }
    let body = lines.map { $0 + "\n" }.joined()
    return body + "checksum \(Self.checksum(body))\n"
  }

  private static func line(_ base: Base) -> String {
    "\(base.file) \(base.live) \(base.builtAt.nanoseconds)"
  }

  private static func checksum(_ body: String) -> UInt32 {
    Array(body.utf8).withUnsafeBytes { freshet_crc32c(0, $0.baseAddress, $0.count) }
  }

  init(position: IndexPosition, backend: IndexBackend, base: Base, backup: Base?) {
    self.position = position
    self.backend = backend
    self.base = base
    self.backup = backup
  }

  /// Reads the stored form; `nil` for anything that is not whole.
  init?(text: String) {
    guard let end = text.range(ofLast: "checksum ") else { return nil }
    let body = String(text[..<end.lowerBound])
    guard text[end.upperBound...] == "\(Self.checksum(body))\n" else { return nil }
    var lines = body.split(separator: "\n").map(String.init)
    guard lines.first == Self.title else { return nil }
    lines.removeFirst()
    var values: [String: String] = [:]
    var deltas: [String] = []
    for line in lines {
      guard let space = line.firstIndex(of: " ") else { return nil }
      let value = String(line[line.index(after: space)...])
      if line[..<space] == "delta" {
        guard Self.isFileName(value) else { return nil }
        deltas.append(value)
      } else {
        values[String(line[..<space])] = value
      }
    }
    guard let collection = values["collection"].flatMap({ CollectionID($0) }),
      let epoch = values["epoch"].flatMap({ CollectionID($0) }),
      let sequence = values["sequence"].flatMap({ SequenceNumber($0) }),
      let chain = values["chain"].flatMap({ ContentHash(hexadecimal: $0) }),
      let model = values["model"].flatMap({ Hexadecimal.decode($0) }),
      let backend = values["backend"].flatMap({ IndexBackend(rawValue: $0) }),
      let base = values["base"].flatMap({ Self.base($0) }),
      let added = values["added"].flatMap({ Int($0) }), let removed = values["removed"].flatMap({ Int($0) }),
      added >= 0, removed >= 0, added <= Int(UInt32.max) << 16, removed <= Int(UInt32.max) << 16
    else { return nil }
    position = IndexPosition(
      collection: collection,
      epoch: epoch,
      sequence: sequence,
      chain: chain,
      model: String(decoding: model, as: UTF8.self)
    )
    self.backend = backend
    self.base = base
    self.deltas = deltas
    self.added = added
    self.removed = removed
    if let line = values["backup"] {
      guard let backup = Self.base(line) else { return nil }
      self.backup = backup
    }
  }

  private static func base(_ line: String) -> Base? {
    let parts = line.split(separator: " ").map(String.init)
    guard parts.count == 3, isFileName(parts[0]), let live = Int(parts[1]), live >= 0, let at = Int64(parts[2]) else {
      return nil
    }
    return Base(file: parts[0], live: live, builtAt: Timestamp(nanoseconds: at))
  }

  private static func isFileName(_ name: String) -> Bool {
    IndexFileName.isOurs(name) && !name.hasPrefix(".")
  }

  /// Reads a folder's manifest; `nil` when there is none, or it is damaged.
  static func read(from folder: String) -> (manifest: IndexManifest?, isMissing: Bool) {
    do {
      let text = try FileSystem.read(folder + "/" + fileName, limit: maximumBytes)
      return (IndexManifest(text: String(decoding: text, as: UTF8.self)), false)
    } catch {
      return (nil, (error as? FreshetError)?.code == .notFound)
    }
  }

  /// Replaces a folder's manifest in one step.
  func write(to folder: String) throws {
    try DurableFile.replace(folder + "/" + Self.fileName) { try $0.write(Array(text.utf8)) }
  }
}

extension String {
  /// Where the other string stands last.
  fileprivate func range(ofLast other: String) -> Range<String.Index>? {
    var end = endIndex
    while end > startIndex {
      let start = index(before: end)
      if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
      end = start
    }
    return nil
  }
}

/// The names of the files in an index folder.
enum IndexFileName {
  private static let suffix = ".fvx"
  private static let basePrefix = "base-"
  private static let deltaPrefix = "delta-"
  /// How `FileSystem.replace` ends the names of files that are not whole yet.
  private static let temporarySuffix = ".new"

  private static func randomName() -> String {
    Hexadecimal.encode((0..<8).map { _ in UInt8.random(in: .min ... .max) })
  }

  /// A name that no file ever had.
  static func base(at sequence: SequenceNumber) -> String {
    basePrefix + "\(sequence)-" + randomName() + suffix
  }

  /// A name that no file ever had.
  static func delta(at sequence: SequenceNumber) -> String {
    deltaPrefix + "\(sequence)-" + randomName() + suffix
  }

  /// Whether a file of that name was made here, so that it may be removed when nothing refers to it.
  static func isOurs(_ name: String) -> Bool {
    if name.hasPrefix("."), name.hasSuffix(temporarySuffix) {
      return [basePrefix, deltaPrefix, IndexManifest.fileName].contains { name.dropFirst().hasPrefix($0) }
    }
    let isPlain = name.utf8.allSatisfy { byte in
      byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }
    return isPlain && name.hasSuffix(suffix) && (name.hasPrefix(basePrefix) || name.hasPrefix(deltaPrefix))
  }
}
