import FreshetModel

extension MemorySnapshot {
  func annotation(of document: DocumentID) -> Metadata { state.annotations[document] ?? [:] }
}

extension MemoryTransaction {
  func annotate(_ document: DocumentID, with metadata: Metadata) throws {
    guard state.documents[document] != nil else {
      throw FreshetError(.storeFailed, "There is no document \(document).")
    }
    state.annotations[document] = metadata.isEmpty ? nil : metadata
  }
}
