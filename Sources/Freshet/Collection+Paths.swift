import FreshetConfiguration
import FreshetModel
import FreshetSources
import FreshetSystem

/// A path that a sync was called with and that its source leaves out.
public struct ExcludedPath: Sendable, Hashable {
  /// The path as it was named.
  public var path: String
  /// The rule that leaves it out, in words.
  public var reason: String
}

extension Collection {
  /// The paths by source, relative to its root; a folder that holds whole sources names them. All sources together are
  /// an ordinary sync.
  ///
  /// - Throws: `FreshetError` with `invalid_argument` for a path that no source holds; the sentence names the sources.
  func paths(_ paths: [String], _ sources: [any Source]) throws -> [String: [[UInt8]]] {
    guard !paths.isEmpty else { return [:] }
    let roots = sources.map { SourceRoot($0) }
    var bySource: [String: [[UInt8]]] = [:]
    for path in paths {
      for place in try places(of: path, roots) { bySource[place.source.name, default: []].append(place.path) }
    }
    if bySource.count == sources.count, bySource.values.allSatisfy({ $0.contains([]) }) { return [:] }
    // A whole source among the paths makes its other paths superfluous.
    return bySource.mapValues { $0.contains([]) ? [] : $0 }
  }

  /// The named paths that are there and that a rule of their source leaves out: a sync takes none of them up.
  ///
  /// - Throws: `FreshetError` with `not_found` for a path where nothing is and of which the collection has nothing either,
  ///   and with `invalid_argument` for one that no source holds.
  public func excluded(among paths: [String]) async throws -> [ExcludedPath] {
    guard !paths.isEmpty else { return [] }
    let roots = try factory.sources().map { SourceRoot($0) }
    var excluded: [ExcludedPath] = []
    for path in paths {
      for place in try places(of: path, roots) where !place.path.isEmpty {
        guard let isFolder = try place.isFolder else {
          guard try await holds(place.path, source: place.source.name) else {
            throw FreshetError(
              .notFound,
              "nothing is there, and the collection has no document of it; look at the spelling",
              path: path
            )
          }
          continue
        }
        // A folder's own rules are those by which a file in it would be left out.
        let file = isFolder ? place.path + Array("/.".utf8) : place.path
        let nothing = ItemFingerprint(device: 0, inode: 0, size: 0, modified: 0, changed: 0)
        if case .outOfScope(let reason) = await place.source.absence(of: file, fingerprint: nothing) {
          excluded.append(ExcludedPath(path: path, reason: reason))
        }
      }
    }
    return excluded
  }

  /// Whether the collection knows something at a path of a source, or below it.
  private func holds(_ path: [UInt8], source name: String) async throws -> Bool {
    try await store.read(.everything) { snapshot in
      guard let source = try snapshot.sources().first(where: { $0.name == name }) else { return false }
      if try snapshot.item(of: source.id, at: path) != nil { return true }
      let start = path + [UInt8(ascii: "/")]
      return try snapshot.items(of: source.id, after: start, limit: 1).contains { $0.path.starts(with: start) }
    }
  }

  private func places(of path: String, _ roots: [SourceRoot]) throws -> [PathInSource] {
    let absolute = try FileSystem.absolutePath(path)
    for candidate in PathSpelling.all(of: absolute) {
      let within = roots.filter { $0.isInside(candidate) }.map { PathInSource(source: $0.source, path: []) }
      let owner = roots.compactMap { root in root.path(of: candidate).map { (root.source, $0) } }
        .min { $0.1.count < $1.1.count }
      let places = within + (owner.map { [PathInSource(source: $0.0, path: $0.1)] } ?? [])
      if !places.isEmpty { return places }
    }
    let names = roots.prefix(10).map { "\($0.source.name) (\($0.source.location))" }.joined(separator: ", ")
    throw FreshetError(
      .invalidArgument,
      "no source of the collection holds this path. Its sources are: \(names)\(roots.count > 10 ? ", …" : ""). "
        + (configuration.file.map { "Add one to \($0); for" } ?? "For")
        + " another collection, run `freshet sync .` in the folder that it is to be of",
      path: path
    )
  }
}

/// The ways to write where a file is.
enum PathSpelling {
  /// The path as it is written, and through the links in the folders above it, and through all links.
  static func all(of absolute: String) -> [[UInt8]] {
    // What was no UTF-8 in the call was encoded as origins are.
    let written = Array(absolute.utf8)
    var spellings = [written]
    let decoded = PathEncoding.path(of: absolute)
    let exists = (try? FileSystem.exists(absolute)) ?? false
    if decoded != written, !exists { spellings.insert(decoded, at: 0) }
    for path in spellings {
      var folder = path
      var rest: [UInt8] = []
      while let slash = folder.lastIndex(of: UInt8(ascii: "/")) {
        rest = Array(folder[slash...]) + rest
        folder.removeSubrange(slash...)
        // What is not there has no links.
        if let real = FileSystem.resolved(folder.isEmpty ? [UInt8(ascii: "/")] : folder) {
          spellings.append((real == [UInt8(ascii: "/")] ? [] : real) + rest)
          break
        }
      }
      if let real = FileSystem.resolved(path) { spellings.append(real) }
    }
    return spellings
  }
}

/// A source with the ways to write where it is.
struct SourceRoot {
  let source: any Source
  private let locations: [[UInt8]]

  init(_ source: any Source) {
    self.source = source
    let written = Array(source.location.utf8)
    locations = [written] + (FileSystem.resolved(written).map { $0 == written ? [] : [$0] } ?? [])
  }

  /// Whether the source is the folder or lies below it.
  func isInside(_ folder: [UInt8]) -> Bool {
    locations.contains { $0 == folder || $0.starts(with: Self.closed(folder)) }
  }

  /// The path relative to the source; `nil` when it does not lie below it.
  func path(of path: [UInt8]) -> [UInt8]? {
    for location in locations {
      let start = Self.closed(location)
      if path.count > start.count, path.starts(with: start) { return Array(path[start.count...]) }
    }
    return nil
  }

  private static func closed(_ folder: [UInt8]) -> [UInt8] {
    folder.last == UInt8(ascii: "/") ? folder : folder + [UInt8(ascii: "/")]
  }
}

/// A path as its source sees it; empty for the root.
private struct PathInSource {
  let source: any Source
  let path: [UInt8]

  /// Whether a folder is there; `nil` when nothing is.
  var isFolder: Bool? {
    get throws {
      let root = Array(source.location.utf8)
      return try FileSystem.isFolder(at: root + (root.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + path)
    }
  }
}
