import FreshetModel
import FreshetSystem
import Synchronization

/// The files of a folder as a source.
///
/// Everything is reached from the root's descriptor; no link leads out of it.
public final class DirectorySource: Source {
  public let name: String
  public let location: String
  public let metadata: Metadata
  public let configurationFingerprint: String

  let configuration: DirectoryConfiguration
  let scope: ScopeRules
  let clock: any WallClock
  let roots: RootCache
  /// Names of users by number: asking for one reads a file or a server.
  let owners = Mutex<[UInt32: String?]>([:])

  /// - Throws: `FreshetError` with `invalid_configuration` for a path that is not absolute or a pattern that is not valid.
  public init(_ configuration: DirectoryConfiguration, clock: any WallClock = SystemWallClock()) throws {
    guard configuration.path.utf8.first == UInt8(ascii: "/") else {
      throw FreshetError(
        .invalidConfiguration,
        "the source “\(configuration.name)” needs an absolute path",
        path: configuration.path
      )
    }
    self.configuration = configuration
    self.clock = clock
    scope = try ScopeRules(configuration)
    roots = RootCache(configuration)
    name = configuration.name
    location = configuration.path
    metadata = configuration.metadata
    configurationFingerprint = configuration.fingerprint
  }

  public func listing(of paths: [[UInt8]]) async throws -> any Listing {
    let named = try paths.map(Self.normalised)
    let root = try roots.opened()
    let walker = DirectoryWalker(
      root: root,
      configuration: configuration,
      scope: scope,
      clock: clock,
      focus: named.isEmpty || named.contains([]) ? nil : named
    )
    return DirectoryListing(walker, rootIdentity: root.identity)
  }

  public func origin(of path: [UInt8]) -> String {
    PathEncoding.origin(of: path)
  }

  public func uri(of origin: String) -> String {
    var absolute = Array(location.utf8)
    if absolute.last != UInt8(ascii: "/") { absolute.append(UInt8(ascii: "/")) }
    return PathEncoding.uri(ofAbsolute: absolute + PathEncoding.path(of: origin))
  }

  /// Without empty parts and `.`.
  private static func normalised(_ path: [UInt8]) throws -> [UInt8] {
    let parts = path.split(separator: UInt8(ascii: "/")).filter { $0 != [UInt8(ascii: ".")] }
    guard !path.contains(0), !parts.contains(Array("..".utf8)[...]), path.first != UInt8(ascii: "/") else {
      throw FreshetError(
        .invalidArgument,
        "the path must lead from the source's root into it, without “..”",
        path: PathEncoding.origin(of: path)
      )
    }
    return Array(parts.joined(separator: [UInt8(ascii: "/")]))
  }
}
