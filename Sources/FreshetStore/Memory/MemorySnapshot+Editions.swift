import FreshetModel

extension MemorySnapshot {
  func edition(of document: DocumentID, version: Int) -> VersionEdition? {
    guard
      let past = state.documents[document]?.past.last(where: {
        $0.record.version == version && $0.record.state == .live
      })
    else { return nil }
    return VersionEdition(
      version: version,
      parser: past.record.parser,
      title: past.record.title,
      metadata: past.record.metadata,
      chunks: past.chunks
    )
  }
}
