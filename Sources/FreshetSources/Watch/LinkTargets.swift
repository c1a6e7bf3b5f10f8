/// Which links lead over which places of the same source: a link is an item with its target's content, and the system tells
/// of changes of the places alone.
struct LinkTargets {
  /// Links that are followed; those beyond are seen by the next listing of everything.
  static let countMax = 100_000
  /// Places on the ways of all links together, counted once for each link.
  static let placesMax = 1_000_000

  private struct Link {
    /// The folder that it stands in.
    let folder: FolderTree.ID
    let places: [[UInt8]]
  }

  private var known: [[UInt8]: Link] = [:]
  private var links: [[UInt8]: Set<[UInt8]>] = [:]
  private var inFolder: [FolderTree.ID: Set<[UInt8]>] = [:]
  private var placeCount = 0

  var isEmpty: Bool { known.isEmpty }

  /// Links that are followed.
  var count: Int { known.count }

  /// Remembers the places that a link leads over, instead of those before; a link without any is forgotten.
  mutating func insert(_ link: [UInt8], in folder: FolderTree.ID, places: Set<[UInt8]>) {
    remove(link)
    guard !places.isEmpty, known.count < Self.countMax, placeCount + places.count <= Self.placesMax else { return }
    // The bytes of a place that many links lead over are kept once.
    let places = places.map { place in links.index(forKey: place).map { links.keys[$0] } ?? place }
    for place in places { links[place, default: []].insert(link) }
    known[link] = Link(folder: folder, places: places)
    inFolder[folder, default: []].insert(link)
    placeCount += places.count
  }

  mutating func remove(_ link: [UInt8]) {
    guard let gone = known.removeValue(forKey: link) else { return }
    for place in gone.places {
      links[place]?.remove(link)
      if links[place]?.isEmpty ?? true { links[place] = nil }
    }
    inFolder[gone.folder]?.remove(link)
    if inFolder[gone.folder]?.isEmpty ?? true { inFolder[gone.folder] = nil }
    placeCount -= gone.places.count
  }

  /// Forgets the links that stand in these folders.
  mutating func forget(in folders: [FolderTree.ID]) {
    guard !isEmpty else { return }
    for folder in folders {
      for link in inFolder[folder] ?? [] { remove(link) }
    }
  }

  /// The links that lead over a place.
  func links(over place: [UInt8]) -> Set<[UInt8]> { links[place] ?? [] }

  /// The folder that a link stands in.
  func folder(of link: [UInt8]) -> FolderTree.ID? { known[link]?.folder }
}
