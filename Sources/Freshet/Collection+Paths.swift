import FreshetConfiguration
import FreshetModel
import FreshetSources
import FreshetSystem

/// A path that a sync was called with and that it takes nothing from.
public struct ExcludedPath: Sendable, Hashable {
  /// Why it does not.
  public enum Cause: Sendable, Hashable {
    /// It is there, and a rule of its source leaves it out.
    case rule
    /// Nothing is there, and the collection never had anything of it.
    case unknown
    /// No source holds it.
    case elsewhere
  }

  /// The path as it was named.
  public var path: String
  /// Why, in words.
  public var reason: String
  /// Why, for programs.
  public var cause: Cause
}

extension Collection {
  /// The paths by source, relative to its root; a folder that holds whole sources names them. All sources together are
  /// an ordinary sync. Paths that no source holds are left out as long as there are others.
  ///
  /// - Throws: `FreshetError` with `invalid_argument` when no source holds any of the paths; the sentence names the
  ///   sources.
  func paths(_ paths: [String], _ sources: [any Source]) throws -> [String: [[UInt8]]] {
    guard !paths.isEmpty else { return [:] }
    let roots = sources.map { SourceRoot($0) }
    var bySource: [String: [[UInt8]]] = [:]
    for path in paths {
      for place in try places(of: path, roots) { bySource[place.source.name, default: []].append(place.path) }
    }
    if bySource.isEmpty { throw refusal(of: paths[0], roots) }
    if bySource.count == sources.count, bySource.values.allSatisfy({ $0.contains([]) }) { return [:] }
    // A whole source among the paths makes its other paths superfluous.
    return bySource.mapValues { $0.contains([]) ? [] : $0 }
  }

  /// The named paths that a sync takes nothing from, each with its reason: a rule of its source leaves it out, nothing is
  /// there and nothing ever was, or no source holds it. A document that was deleted before is none of these.
  ///
  /// - Throws: `FreshetError` when all of the paths are unknown or held by no source, so that there is nothing to do:
  ///   with `not_found` or `invalid_argument`, of the first one.
  public func excluded(among paths: [String]) async throws -> [ExcludedPath] {
    guard !paths.isEmpty else { return [] }
    let roots = try factory.sources().map { SourceRoot($0) }
    var excluded: [ExcludedPath] = []
    var missing: [(name: String, place: PathInSource)] = []
    for path in paths {
      let places = try places(of: path, roots)
      if places.isEmpty {
        let reason = refusal(of: path, roots).message
        excluded.append(ExcludedPath(path: path, reason: reason, cause: .elsewhere))
      }
      for place in places where !place.path.isEmpty {
        guard let isFolder = try place.isFolder else {
          missing.append((path, place))
          continue
        }
        // A folder's own rules are those by which a file in it would be left out.
        let file = isFolder ? place.path + Array("/.".utf8) : place.path
        let nothing = ItemFingerprint(device: 0, inode: 0, size: 0, modified: 0, changed: 0)
        if case .outOfScope(let reason) = await place.source.absence(of: file, fingerprint: nothing) {
          excluded.append(ExcludedPath(path: path, reason: reason, cause: .rule))
        }
      }
    }
    if !missing.isEmpty {
      let known = try await areKnown(missing.map(\.place))
      for (missing, isKnown) in zip(missing, known) where !isKnown {
        let reason = "nothing is there, and the collection has no document of it; look at the spelling"
        excluded.append(ExcludedPath(path: missing.name, reason: reason, cause: .unknown))
      }
    }
    let useless = excluded.filter { $0.cause != .rule }
    if let first = useless.first(where: { $0.cause == .unknown }) ?? useless.first,
      Set(paths).isSubset(of: useless.map(\.path))
    {
      throw FreshetError(
        first.cause == .unknown ? .notFound : .invalidArgument,
        first.reason,
        path: first.path
      )
    }
    return excluded
  }

  /// Whether the collection knows something at each of the paths, or below it: a document, one that was deleted, or one
  /// that failed.
  private func areKnown(_ places: [PathInSource]) async throws -> [Bool] {
    try await store.read(.everything) { snapshot in
      let sources = try snapshot.sources()
      // Read once, and only when a path is asked for that nothing else is known of.
      var deleted: [String: [String]] = [:]
      return try places.map { place in
        let (path, name) = (place.path, place.source.name)
        guard let source = sources.first(where: { $0.name == name }) else { return false }
        if try snapshot.item(of: source.id, at: path) != nil { return true }
        let below = path + [UInt8(ascii: "/")]
        if try snapshot.items(of: source.id, after: below, limit: 1).contains(where: { $0.path.starts(with: below) }) {
          return true
        }
        if try !snapshot.failures(source: name, itemPath: path).isEmpty { return true }
        let origin = place.source.origin(of: path)
        if try snapshot.deletedDocument(source: source.id, origin: origin) != nil { return true }
        if deleted[name] == nil {
          var query = DocumentQuery()
          query.source = name
          query.state = .deleted
          deleted[name] = try snapshot.documents(query).map(\.origin)
        }
        return deleted[name]?.contains { $0.hasPrefix(origin + "/") || $0.hasPrefix(origin + "!/") } ?? false
      }
    }
  }

  /// Where the path stands in sources; nowhere when no source holds it.
  func places(of path: String, _ roots: [SourceRoot]) throws -> [PathInSource] {
    let absolute = try absolutePath(path)
    for candidate in PathSpelling.all(of: absolute) {
      let within = roots.filter { $0.isInside(candidate) }.map { PathInSource(source: $0.source, path: []) }
      // A folder that is a source belongs to no other, whatever stands around it.
      let owner =
        roots.contains { $0.isAt(candidate) }
        ? nil
        : roots.compactMap { root in root.path(of: candidate).map { (root.source, $0) } }
          .min { $0.1.count < $1.1.count }
      let places = within + (owner.map { [PathInSource(source: $0.0, path: $0.1)] } ?? [])
      if !places.isEmpty { return places }
    }
    return []
  }

  func refusal(of path: String, _ roots: [SourceRoot]) -> FreshetError {
    let names = roots.prefix(10).map { "\($0.source.name) (\($0.source.location))" }.joined(separator: ", ")
    return FreshetError(
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

  /// Whether the folder is the source's own.
  func isAt(_ folder: [UInt8]) -> Bool { locations.contains(folder) }

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
struct PathInSource {
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
