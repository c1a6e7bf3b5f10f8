import FreshetModel

extension SQLitePastSnapshot {
  // MARK: Consumers

  /// Consumers have no history: as they are now.
  func consumers() throws -> [ConsumerRecord] { try present.consumers() }

  func consumer(_ name: String) throws -> ConsumerRecord? { try present.consumer(name) }

  func metadata(of change: ChangeRecord) throws -> Metadata? {
    change.sequence <= head.sequence ? try present.metadata(of: change) : nil
  }

  // MARK: Audit

  /// The present's: what a document is now proves what it was.
  func verification(of document: DocumentID) throws -> DocumentVerification {
    try present.verification(of: document)
  }

  func totals(of selection: AuditSelection) throws -> AuditTotals {
    try present.totals(of: cut(selection))
  }

  func audited(
    _ selection: AuditSelection,
    after document: AuditedDocument?,
    limit: Int
  ) throws -> [AuditedDocument] {
    try present.audited(cut(selection), after: document, limit: limit)
  }

  func changes(
    of document: DocumentID,
    _ selection: AuditSelection,
    after sequence: SequenceNumber,
    limit: Int
  ) throws -> [AuditedChange] {
    try present.changes(of: document, cut(selection), after: sequence, limit: limit)
  }

  func runs(from first: Timestamp, to last: Timestamp, after run: RunID?, limit: Int) throws -> [RunRecord] {
    try present.runs(from: first, to: last, after: run, limit: limit).filter { $0.firstSequence <= head.sequence }
  }

  /// The part of a selection that had happened.
  private func cut(_ selection: AuditSelection) -> AuditSelection {
    var selection = selection
    selection.last = min(selection.last, head.sequence)
    return selection
  }
}
