import CSystem
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The names of one folder in one buffer.
struct FolderEntries {
  enum Kind: UInt8 {
    case file, folder, link, linkedFolder, special
    /// Nothing is there (any more).
    case missing
  }

  private struct Entry {
    /// The first eight bytes, to compare most names without looking at the buffer.
    var key: UInt64 = 0
    let start: Int
    let length: Int
    var kind: Kind?
  }

  /// Names, each followed by a zero byte.
  private var bytes: [UInt8] = []
  private var entries: [Entry] = []

  var count: Int { entries.count }

  /// The ignore files among the names.
  private(set) var hasGitignore = false
  private(set) var hasOwnIgnore = false

  mutating func append(_ name: UnsafeRawBufferPointer, _ kind: FileStatus.Kind?) {
    entries.append(Entry(start: bytes.count, length: name.count, kind: kind.map(Self.kind)))
    bytes.append(contentsOf: name)
    bytes.append(0)
    guard name.first == UInt8(ascii: ".") else { return }
    if name.elementsEqual(IgnoreFiles.gitName.utf8) { hasGitignore = true }
    if name.elementsEqual(IgnoreFiles.ownName.utf8) { hasOwnIgnore = true }
  }

  func kind(at index: Int) -> Kind {
    entries[index].kind ?? .missing
  }

  /// The name, followed by a zero byte.
  func withName<Result>(at index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let entry = entries[index]
    return bytes.withUnsafeBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[entry.start..<entry.start + entry.length]))
    }
  }

  /// Asks for the kinds that the folder did not tell, and for what links lead to when they may be followed.
  mutating func resolveKinds(in folder: Int32, followsFolders: Bool) {
    for index in entries.indices {
      if entries[index].kind == nil {
        entries[index].kind = status(of: index, in: folder, follow: false).map(Self.kind) ?? .missing
      }
      if entries[index].kind == .link, followsFolders, status(of: index, in: folder, follow: true) == .folder {
        entries[index].kind = .linkedFolder
      }
    }
  }

  /// Sorts by bytes, folders as if they ended in a slash.
  mutating func sort() {
    bytes.withUnsafeMutableBytes { bytes in
      for index in entries.indices {
        let entry = entries[index]
        let isFolder = entry.kind == .folder || entry.kind == .linkedFolder
        if isFolder { bytes[entry.start + entry.length] = UInt8(ascii: "/") }
        var key: UInt64 = 0
        let count = entry.length + (isFolder ? 1 : 0)
        for offset in 0..<8 { key = key << 8 | (offset < count ? UInt64(bytes[entry.start + offset]) : 0) }
        entries[index].key = key
      }
      let bytes = UnsafeRawBufferPointer(bytes)
      entries.sort { left, right in
        if left.key != right.key { return left.key < right.key }
        guard let base = bytes.baseAddress else { return false }
        // One byte more: the slash of a folder, the zero of a file.
        let common = min(left.length, right.length) + 1
        return memcmp(base + left.start, base + right.start, common) < 0
      }
      // The slashes go again: the names are handed to the system.
    }
    for entry in entries { bytes[entry.start + entry.length] = 0 }
  }

  private func status(of index: Int, in folder: Int32, follow: Bool) -> FileStatus.Kind? {
    var status = freshet_status()
    let result = withName(at: index) {
      freshet_status_at(folder, $0.baseAddress?.assumingMemoryBound(to: CChar.self), follow, &status)
    }
    return result == 0 ? FileStatus.Kind(mode: status.mode) : nil
  }

  private static func kind(_ kind: FileStatus.Kind) -> Kind {
    switch kind {
    case .file: .file
    case .folder: .folder
    case .link: .link
    case .pipe, .socket, .device, .unknown: .special
    }
  }
}
