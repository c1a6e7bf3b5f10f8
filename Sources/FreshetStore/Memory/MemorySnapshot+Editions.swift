import FreshetModel

extension MemorySnapshot {
  func edition(of document: DocumentID, version: Int) -> VersionEdition? {
    state.documents[document]?.editions[version]
  }
}
