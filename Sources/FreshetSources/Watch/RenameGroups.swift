/// Paths that renames bind together, so that they are released together: `a → b`, `b → c` bind all three.
struct RenameGroups: Sendable {
  private var groups: [[UInt8]: Int] = [:]
  private var members: [Int: [[UInt8]]] = [:]
  private var made = 0

  /// Binds two paths, and all that are bound to either.
  mutating func join(_ first: [UInt8], _ second: [UInt8]) {
    guard first != second else { return }
    let (one, other) = (group(of: first), group(of: second))
    guard one != other else { return }
    let isSmaller = (members[one]?.count ?? 0) < (members[other]?.count ?? 0)
    let (from, to) = isSmaller ? (one, other) : (other, one)
    let moved = members.removeValue(forKey: from) ?? []
    for path in moved { groups[path] = to }
    members[to, default: []] += moved
  }

  func contains(_ path: [UInt8]) -> Bool { groups[path] != nil }

  /// The path and all that are bound to it.
  func all(with path: [UInt8]) -> [[UInt8]] {
    groups[path].flatMap { members[$0] } ?? [path]
  }

  var isEmpty: Bool { groups.isEmpty }

  /// All that are bound to a path in one of the folders.
  func all(below folders: Set<[UInt8]>) -> [[UInt8]] {
    Set(groups.filter { $0.key.isBelow(anyOf: folders) }.values).flatMap { members[$0] ?? [] }
  }

  /// Lets another path take a path's place.
  mutating func replace(_ path: [UInt8], by other: [UInt8]) {
    guard contains(path) else { return }
    join(path, other)
    remove(path)
  }

  /// Looses a path.
  mutating func remove(_ path: [UInt8]) {
    guard let group = groups.removeValue(forKey: path) else { return }
    members[group]?.removeAll { $0 == path }
    if members[group]?.isEmpty ?? true { members[group] = nil }
  }

  private mutating func group(of path: [UInt8]) -> Int {
    if let group = groups[path] { return group }
    made += 1
    groups[path] = made
    members[made] = [path]
    return made
  }
}
