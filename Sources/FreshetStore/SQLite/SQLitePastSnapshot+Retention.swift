import FreshetModel

/// What was collected is gone from the past too; what could be is told of the present.
extension SQLitePastSnapshot {
  func collectedVersions(of document: DocumentID) throws -> Set<Int> {
    let versions = try versions(of: document).count
    return try present.collectedVersions(of: document).filter { $0 <= versions }
  }

  func documentsWithHistory(after document: DocumentID?, limit: Int) throws -> [DocumentHistory] {
    try present.documentsWithHistory(after: document, limit: limit)
  }

  func passagesWithoutChunks(limit: Int) throws -> [PassageID] { try present.passagesWithoutChunks(limit: limit) }

  func runsPruned(withLogThrough sequence: SequenceNumber) throws -> Int {
    try present.runsPruned(withLogThrough: sequence)
  }

  func hasSupersededTexts() throws -> Bool { try present.hasSupersededTexts() }

  func reclaimable(
    collecting versions: [(document: DocumentID, versions: [Int])],
    withoutChunks passages: Bool
  ) throws -> (amounts: ReclaimedAmounts, historyFloor: SequenceNumber) {
    try present.reclaimable(collecting: versions, withoutChunks: passages)
  }
}
