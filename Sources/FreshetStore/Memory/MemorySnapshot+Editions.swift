import FreshetModel

extension MemorySnapshot {
  func edition(of document: DocumentID, version: Int) -> VersionEdition? {
    guard let stored = state.documents[document], stored.stored.collected[version] == nil,
      let past = stored.past.last(where: { $0.record.version == version && $0.record.state == .live })
    else { return nil }
    return VersionEdition(
      version: version,
      parser: past.record.parser,
      title: past.record.title,
      metadata: past.record.metadata,
      chunks: past.chunks
    )
  }

  func documents(formerlyAt origin: String, limit: Int) -> [DocumentRecord] {
    let found = state.documents.values.compactMap { document in
      document.versions.last { UTF8Text($0.origin) == UTF8Text(origin) }.map { (document.record, $0.sequence) }
    }
    return found.sorted { $0.1 > $1.1 }.prefix(max(0, limit)).map(\.0)
  }

  func keptContents(among hashes: [ContentHash]) -> Set<ContentHash> {
    Set(hashes.filter { state.contents[$0] != nil })
  }
}
