import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Finds the places of a source that a link leads over: each name on its way and its end, also where nothing is (yet). Goes
/// name by name, as the system does (path_resolution(7)).
///
/// The way ends where it leaves the root.
struct LinkWay {
  /// Links on the way of one, as for the system (`MAXSYMLINKS`); no file is reached over more.
  static let linksMax = 40
  /// Names on the way of one. What lies behind is seen by the next listing of everything.
  static let namesMax = 1_024
  /// Bytes of a link's text, as for the system.
  private static let textMax = Int(PATH_MAX)

  private enum Step {
    case name([UInt8])
    /// A link's text has been gone through; below, a path may be told with the link's name or with its target's.
    case end(of: [UInt8])
  }

  /// A folder's path without links, and the one by which the way came to it: the source may enter it by that alone.
  private struct Folder {
    var path: [UInt8] = []
    var told: [UInt8] = []
  }

  let root: DirectoryRoot
  /// The configured path of the root.
  let location: [UInt8]

  /// The places, relative to the root; none for what is no link. Those above the link itself are left out: what happens to
  /// them happens to it.
  func places(of link: [UInt8]) -> Set<[UInt8]> {
    var places: Set<[UInt8]> = []
    var folders = [Folder()]
    var ahead = Self.steps(link)
    var (links, names) = (0, 0)
    while let step = ahead.popLast() {
      let here = folders[folders.count - 1]
      switch step {
      case .end(let told):
        if folders.count > 1 { folders[folders.count - 1].told = told }
      case .name(let name) where name == Array("..".utf8):
        guard folders.count > 1 else { return places.union(end(of: link)) }
        folders.removeLast()
      case .name(let name):
        names += 1
        guard names <= Self.namesMax else { return places }
        let next = Folder(path: here.path.appending(name), told: here.told.appending(name))
        for place in [next.path, next.told] where place != link && !link.isBelow(place) { places.insert(place) }
        guard let text = text(of: next.path) else {
          folders.append(next)
          continue
        }
        links += 1
        guard links <= Self.linksMax else { return places }
        ahead.append(.end(of: next.told))
        if text.first == UInt8(ascii: "/") {
          guard let inside = inside(text) else { return places.union(end(of: link)) }
          folders = [Folder()]
          ahead += inside
        } else {
          ahead += Self.steps(text)
        }
      }
    }
    return links == 0 ? [] : places
  }

  /// The names of a path, the last first.
  private static func steps(_ path: [UInt8]) -> [Step] {
    path.split(separator: UInt8(ascii: "/")).reversed().compactMap {
      $0.elementsEqual(".".utf8) ? nil : .name(Array($0))
    }
  }

  /// What is in a link; `nil` when it is none. The folders of the path are none.
  private func text(of path: [UInt8]) -> [UInt8]? {
    let text = [UInt8](unsafeUninitializedCapacity: Self.textMax) { buffer, count in
      let read = DirectoryRoot.withPath(path[...]) { path in
        buffer.withMemoryRebound(to: CChar.self) { text in
          text.baseAddress.map { readlinkat(root.folder.number, path, $0, text.count) } ?? -1
        }
      }
      count = max(0, read)
    }
    return text.isEmpty ? nil : text
  }

  /// The rest of an absolute path that names the root first.
  private func inside(_ text: [UInt8]) -> [Step]? {
    let names = text.split(separator: UInt8(ascii: "/"))
    for start in [location, FileSystem.resolved(location)] {
      guard let start = start?.split(separator: UInt8(ascii: "/")), names.starts(with: start) else { continue }
      return Self.steps(Array(names.dropFirst(start.count).joined(separator: [UInt8(ascii: "/")])))
    }
    return nil
  }

  /// Where a link ends whose way leaves the root: it may come back to it.
  private func end(of link: [UInt8]) -> Set<[UInt8]> {
    guard let root = FileSystem.resolved(location), let target = FileSystem.resolved(root.appending(link)),
      target.isBelow(root == [UInt8(ascii: "/")] ? [] : root)
    else { return [] }
    let path = Array(target[(root == [UInt8(ascii: "/")] ? 1 : root.count + 1)...])
    var places: Set = [path]
    for index in path.indices where path[index] == UInt8(ascii: "/") { places.insert(Array(path[..<index])) }
    return places.filter { $0 != link && !link.isBelow($0) }
  }
}
