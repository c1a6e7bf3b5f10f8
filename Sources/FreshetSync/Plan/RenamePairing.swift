import FreshetModel

/// Pairs documents that vanished with origins that appeared with equal content: those are renames.
///
/// One to one, within equal content: the same inode first, then the same file name with the longest common end of the
/// path, then the longest common end, then the order of the paths' bytes. Empty contents never pair. An inode alone is
/// never a rename: inodes are used again.
public enum RenamePairing {
  /// One side of a possible rename.
  public struct Candidate: Hashable, Sendable {
    /// The source.
    public var source: SourceID
    /// The item's path.
    public var path: [UInt8]
    /// The device and inode, as the listing saw them.
    public var fingerprint: ItemFingerprint?
    /// The content.
    public var contentHash: ContentHash
    /// Bytes of the content.
    public var size: Int64
    /// Whether it pairs with the very file only, never by its name.
    public var pairsByInodeOnly: Bool

    /// Describes a candidate.
    public init(
      source: SourceID,
      path: [UInt8],
      fingerprint: ItemFingerprint?,
      contentHash: ContentHash,
      size: Int64,
      pairsByInodeOnly: Bool = false
    ) {
      self.source = source
      self.path = path
      self.fingerprint = fingerprint
      self.contentHash = contentHash
      self.size = size
      self.pairsByInodeOnly = pairsByInodeOnly
    }
  }

  /// A rename, as places in the two lists.
  public struct Pair: Hashable, Sendable {
    /// The place of what vanished.
    public var vanished: Int
    /// The place of what appeared.
    public var appeared: Int
  }

  /// Comparisons of one group above which only the order of the paths decides: 4,096 equal files each side would
  /// otherwise cost 16 million.
  static let comparisonLimit = 65_536

  /// The renames among the candidates, by the place of what vanished.
  public static func pairs(vanished: [Candidate], appeared: [Candidate]) -> [Pair] {
    let appearedByContent = Dictionary(grouping: appeared.indices.filter { appeared[$0].size > 0 }) {
      appeared[$0].contentHash
    }
    let vanishedByContent = Dictionary(grouping: vanished.indices.filter { vanished[$0].size > 0 }) {
      vanished[$0].contentHash
    }
    var pairs: [Pair] = []
    for (content, goneInGroup) in vanishedByContent {
      guard let cameInGroup = appearedByContent[content] else { continue }
      var gone = goneInGroup
      var came = cameInGroup
      func take(_ matched: [Pair]) {
        guard !matched.isEmpty else { return }
        pairs += matched
        let goneTaken = Set(matched.map(\.vanished))
        let cameTaken = Set(matched.map(\.appeared))
        gone.removeAll { goneTaken.contains($0) }
        came.removeAll { cameTaken.contains($0) }
      }
      take(byInode(gone, came, vanished, appeared))
      gone.removeAll { vanished[$0].pairsByInodeOnly }
      for goneOfName in groupedByName(gone, vanished) {
        let name = fileName(vanished[goneOfName[0]].path)
        take(bySuffix(goneOfName, came.filter { fileName(appeared[$0].path) == name }, vanished, appeared))
      }
      take(bySuffix(gone, came, vanished, appeared))
    }
    return pairs.sorted { $0.vanished < $1.vanished }
  }

  private struct Inode: Hashable {
    var device: UInt64
    var inode: UInt64

    init?(_ fingerprint: ItemFingerprint?) {
      guard let fingerprint, fingerprint.inode != 0 else { return nil }
      device = fingerprint.device
      inode = fingerprint.inode
    }
  }

  private static func byInode(
    _ gone: [Int],
    _ came: [Int],
    _ vanished: [Candidate],
    _ appeared: [Candidate]
  ) -> [Pair] {
    var cameByInode: [Inode: Int] = [:]
    for index in came.reversed() {
      if let inode = Inode(appeared[index].fingerprint) { cameByInode[inode] = index }
    }
    return gone.compactMap { index in
      guard let inode = Inode(vanished[index].fingerprint), let match = cameByInode.removeValue(forKey: inode) else {
        return nil
      }
      return Pair(vanished: index, appeared: match)
    }
  }

  private static func groupedByName(_ gone: [Int], _ vanished: [Candidate]) -> [[Int]] {
    Dictionary(grouping: gone) { fileName(vanished[$0].path) }.values.sorted { $0[0] < $1[0] }
  }

  /// Greedily by the longest common end; ties and groups that are too large by the order of the paths.
  private static func bySuffix(
    _ gone: [Int],
    _ came: [Int],
    _ vanished: [Candidate],
    _ appeared: [Candidate]
  ) -> [Pair] {
    guard !gone.isEmpty, !came.isEmpty else { return [] }
    let gone = gone.sorted { precedes(vanished[$0], vanished[$1]) }
    let came = came.sorted { precedes(appeared[$0], appeared[$1]) }
    guard gone.count * came.count <= comparisonLimit else {
      return zip(gone, came).map { Pair(vanished: $0, appeared: $1) }
    }
    var scored: [(common: Int, gone: Int, came: Int)] = []
    for (goneRank, goneIndex) in gone.enumerated() {
      for (cameRank, cameIndex) in came.enumerated() {
        scored.append((commonSuffix(vanished[goneIndex].path, appeared[cameIndex].path), goneRank, cameRank))
      }
    }
    scored.sort { ($1.common, $0.gone, $0.came) < ($0.common, $1.gone, $1.came) }
    var goneTaken = Set<Int>()
    var cameTaken = Set<Int>()
    var pairs: [Pair] = []
    for candidate in scored where !goneTaken.contains(candidate.gone) && !cameTaken.contains(candidate.came) {
      goneTaken.insert(candidate.gone)
      cameTaken.insert(candidate.came)
      pairs.append(Pair(vanished: gone[candidate.gone], appeared: came[candidate.came]))
    }
    return pairs
  }

  private static func precedes(_ left: Candidate, _ right: Candidate) -> Bool {
    left.path == right.path ? left.source < right.source : left.path.lexicographicallyPrecedes(right.path)
  }

  private static func fileName(_ path: [UInt8]) -> ArraySlice<UInt8> {
    path[((path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...]
  }

  private static func commonSuffix(_ left: [UInt8], _ right: [UInt8]) -> Int {
    zip(left.reversed(), right.reversed()).prefix { $0 == $1 }.count
  }
}
