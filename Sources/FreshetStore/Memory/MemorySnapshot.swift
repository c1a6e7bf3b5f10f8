import FreshetModel
import FreshetSystem

/// One state of a collection in memory.
class MemorySnapshot: StoreSnapshot {
  var state: MemoryState

  init(_ state: MemoryState) {
    self.state = state
  }

  var head: Head { state.head }

  // MARK: Sources and items

  func sources() -> [SourceRecord] { state.sources.sorted { $0.name.precedes($1.name) } }

  func items(of source: SourceID, after path: [UInt8]?, limit: Int) -> [ItemRecord] {
    guard let items = state.items[source] else { return [] }
    var first = path.map { MemoryState.lowerBound(items, $0) } ?? 0
    if first < items.count, items[first].path == path { first += 1 }
    return Array(items[first...].prefix(max(0, limit)))
  }

  func item(of source: SourceID, at path: [UInt8]) -> ItemRecord? {
    guard let items = state.items[source] else { return nil }
    let index = MemoryState.lowerBound(items, path)
    return index < items.count && items[index].path == path ? items[index] : nil
  }

  // MARK: Documents

  var liveDocuments: [DocumentRecord] {
    state.documents.values.lazy.map(\.record).filter { $0.state == .live }.sorted(by: Self.inOrder)
  }

  static func inOrder(_ left: DocumentRecord, _ right: DocumentRecord) -> Bool {
    if UTF8Text(left.sourceName) != UTF8Text(right.sourceName) { return left.sourceName.precedes(right.sourceName) }
    return left.origin.precedes(right.origin)
  }

  func document(_ id: DocumentID) -> DocumentRecord? { state.documents[id]?.record }

  func liveDocument(source: SourceID, origin: String) -> DocumentRecord? {
    state.live[source]?[UTF8Text(origin)].flatMap { document($0) }
  }

  func deletedDocument(source: SourceID, origin: String) -> DocumentRecord? {
    guard liveDocument(source: source, origin: origin) == nil else { return nil }
    let deleted = state.documents.values.filter {
      $0.record.state == .deleted && $0.record.source == source && UTF8Text($0.record.origin) == UTF8Text(origin)
    }
    return deleted.max { ($0.versions.last?.sequence ?? 0) < ($1.versions.last?.sequence ?? 0) }?.record
  }

  func liveDocuments(source: SourceID, itemPath: [UInt8]) -> [DocumentRecord] {
    liveDocuments.filter { $0.source == source && $0.itemPath == itemPath }
  }

  func liveDocuments(contentHash: ContentHash) -> [DocumentRecord] {
    liveDocuments.filter { $0.contentHash == contentHash }
  }

  func liveDocumentCount(source: String?) -> Int {
    state.documents.values.count {
      $0.record.state == .live && (source == nil || $0.record.sourceName == source)
    }
  }

  func liveDocumentIDs(after document: DocumentID?, limit: Int) -> [DocumentID] {
    let ids = liveDocuments.map(\.id).filter { id in document.map { $0 < id } ?? true }
    return Array(ids.sorted().prefix(max(0, limit)))
  }

  func itemPaths(of source: SourceID, pipelineOtherThan pipeline: String) -> [[UInt8]] {
    let stale = liveDocuments.filter { $0.source == source && UTF8Text($0.pipeline) != UTF8Text(pipeline) }
    return Set(stale.map(\.itemPath)).sorted { $0.lexicographicallyPrecedes($1) }
  }

  func itemsAwaitingVectors() -> [(source: SourceID, path: [UInt8])] {
    struct Item: Hashable {
      var source: SourceID
      var path: [UInt8]
    }
    let waiting = liveDocuments.filter { $0.editionState == .awaitingVectors }
    return Set(waiting.map { Item(source: $0.source, path: $0.itemPath) })
      .sorted { $0.source == $1.source ? $0.path.lexicographicallyPrecedes($1.path) : $0.source < $1.source }
      .map { (source: $0.source, path: $0.path) }
  }

  func documents(idPrefix: String, limit: Int) -> [DocumentRecord] {
    guard let (low, high) = IdentifierRange.of(prefix: idPrefix) else { return [] }
    let found = state.documents.values.map(\.record).filter { $0.id >= low && $0.id <= high }
    return Array(found.sorted { $0.id < $1.id }.prefix(max(0, limit)))
  }

  func versions(of document: DocumentID) -> [VersionRecord] { state.documents[document]?.versions ?? [] }

  func version(of document: DocumentID, contentHash: ContentHash) -> Int? {
    versions(of: document).last { $0.contentHash == contentHash && $0.kind != .deleted }?.number
  }

  func documents(_ query: DocumentQuery) -> [DocumentRecord] {
    let found = state.documents.values.map(\.record).filter { document in
      if let source = query.source, UTF8Text(source) != UTF8Text(document.sourceName) { return false }
      if let state = query.state, state != document.state { return false }
      let fields = Self.fields(of: document)
      if let type = query.type, !Filter.metadata("type", equals: .string(type)).matches(fields) { return false }
      return query.filter?.matches(fields) ?? true
    }
    let sorted = found.sorted { left, right in
      let before = Self.precedes(left, right, by: query.order)
      let after = Self.precedes(right, left, by: query.order)
      if before || after { return query.descending ? after : before }
      if Self.inOrder(left, right) { return true }
      return Self.inOrder(right, left) ? false : left.id < right.id
    }
    return Array(sorted.dropFirst(max(0, query.offset)).prefix(max(0, query.limit)))
  }

  private static func precedes(_ left: DocumentRecord, _ right: DocumentRecord, by order: DocumentQuery.Order) -> Bool {
    switch order {
    case .origin: inOrder(left, right)
    case .name: fileName(left).precedes(fileName(right))
    case .type: type(left).precedes(type(right))
    case .size: left.size < right.size
    case .modified: left.fileModified < right.fileModified
    case .created: left.createdAt < right.createdAt
    case .updated: left.updatedAt < right.updatedAt
    case .versions: left.version < right.version
    }
  }

  private static func fileName(_ document: DocumentRecord) -> String {
    document.origin.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
  }

  private static func type(_ document: DocumentRecord) -> String {
    if case .string(let type)? = document.metadata["type"] { type } else { "" }
  }

  static func fields(of document: DocumentRecord) -> Metadata {
    StandardFields.fields(
      of: document.metadata,
      source: document.sourceName,
      origin: document.origin,
      title: document.title,
      size: document.size,
      modified: document.fileModified
    )
  }
}
