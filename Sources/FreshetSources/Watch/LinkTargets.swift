/// Which links lead to which files of the same source: a link is an item with its target's content, and the system tells of
/// changes of the target alone.
struct LinkTargets {
  /// Links that are followed; those beyond are seen by the next listing of everything.
  static let countMax = 100_000

  private var targets: [[UInt8]: [UInt8]] = [:]
  private var links: [[UInt8]: Set<[UInt8]>] = [:]

  var isEmpty: Bool { targets.isEmpty }

  mutating func insert(_ link: [UInt8], target: [UInt8]) {
    remove(link)
    guard targets.count < Self.countMax else { return }
    targets[link] = target
    links[target, default: []].insert(link)
  }

  mutating func remove(_ link: [UInt8]) {
    guard let target = targets.removeValue(forKey: link) else { return }
    links[target]?.remove(link)
    if links[target]?.isEmpty ?? true { links[target] = nil }
  }

  /// The links to a file.
  func links(to path: [UInt8]) -> Set<[UInt8]> { links[path] ?? [] }

  /// The links to files in a folder.
  func links(into folder: [UInt8]) -> [[UInt8]] {
    targets.filter { $0.value.isBelow(folder) }.map(\.key)
  }
}
