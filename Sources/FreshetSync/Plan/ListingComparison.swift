import FreshetModel

/// Compares a listing with the catalogue by merging two ascending sequences of paths: no dictionary of names, memory
/// for one batch and one page whatever the source's size.
struct ListingComparison {
  /// How an item stands against the catalogue.
  enum Finding {
    /// Equal fingerprint: unchanged without reading.
    case unchanged(ItemRecord)
    /// Not in the catalogue, or with another fingerprint: to be read.
    case toRead(ListedItem, known: ItemRecord?)
    /// In the catalogue and not in the listing.
    case missing(ItemRecord)
  }

  /// Reads every item whatever its fingerprint (`--checksum`, `--force`, a stale pipeline).
  let readsEverything: Bool
  /// Paths that are read whatever their fingerprint (failures to try again, vectors awaited).
  let alwaysRead: Set<[UInt8]>
  /// The next page of the catalogue after a path; empty at the end.
  let nextPage: ([UInt8]?) async throws -> [ItemRecord]

  private var page: [ItemRecord] = []
  private var index = 0
  private var lastPath: [UInt8]?
  private var catalogueIsAtEnd = false

  init(
    readsEverything: Bool,
    alwaysRead: Set<[UInt8]>,
    after lowerBound: [UInt8]? = nil,
    nextPage: @escaping ([UInt8]?) async throws -> [ItemRecord]
  ) {
    self.readsEverything = readsEverything
    self.alwaysRead = alwaysRead
    self.lastPath = lowerBound
    self.nextPage = nextPage
  }

  /// Compares the next batch; `body` is called for each finding in the order of the paths.
  mutating func compare(_ items: [ListedItem], _ body: (Finding) -> Void) async throws {
    for item in items {
      var known: ItemRecord?
      while let record = try await current() {
        let order = compareBytes(record.path, item.path)
        if order > 0 { break }
        advance()
        if order == 0 {
          known = record
          break
        }
        body(.missing(record))
      }
      if let known, known.fingerprint == item.fingerprint, !known.isRacy, !readsEverything,
        alwaysRead.isEmpty || !alwaysRead.contains(item.path)
      {
        body(.unchanged(known))
      } else {
        body(.toRead(item, known: known))
      }
    }
  }

  /// Reports what is left of the catalogue as missing, once the listing is at its end.
  mutating func finish(_ body: (Finding) -> Void) async throws {
    while let record = try await current() {
      advance()
      body(.missing(record))
    }
  }

  private mutating func current() async throws -> ItemRecord? {
    if index < page.count { return page[index] }
    if catalogueIsAtEnd { return nil }
    page = try await nextPage(lastPath)
    index = 0
    lastPath = page.last?.path ?? lastPath
    catalogueIsAtEnd = page.isEmpty
    return page.first
  }

  private mutating func advance() {
    index += 1
  }
}

/// Negative, zero or positive as `memcmp`, a prefix before what it starts.
@inline(__always)
func compareBytes(_ left: [UInt8], _ right: [UInt8]) -> Int {
  left.withUnsafeBufferPointer { left in
    right.withUnsafeBufferPointer { right in
      let count = min(left.count, right.count)
      var index = 0
      while index < count {
        if left[index] != right[index] { return Int(left[index]) - Int(right[index]) }
        index += 1
      }
      return left.count - right.count
    }
  }
}
