import FreshetModel

extension SQLiteSnapshot {
  func annotation(of document: DocumentID) throws -> Metadata {
    try connection.row(
      "SELECT metadata FROM annotation WHERE document = (SELECT id FROM document WHERE uuid = ?1)",
      .id(document)
    ) { try metadata($0, 0) } ?? [:]
  }
}

extension SQLitePastSnapshot {
  func annotation(of document: DocumentID) throws -> Metadata { try present.annotation(of: document) }
}

extension SQLiteTransaction {
  func annotate(_ document: DocumentID, with metadata: Metadata) throws {
    guard let row = try row(of: document) else { throw refusal("There is no document \(document).") }
    try writing {
      try noteUnsealed(.annotations, where: "document = ?1", .integer(row))
      guard !metadata.isEmpty else {
        return try connection.run("DELETE FROM annotation WHERE document = ?1", .integer(row))
      }
      try connection.run(
        "INSERT INTO annotation VALUES(?1, ?2) ON CONFLICT(document) DO UPDATE SET metadata = excluded.metadata",
        .integer(row),
        .text(String(decoding: MetadataText.encode(metadata), as: UTF8.self))
      )
      try noteSealed(.annotations, where: "document = ?1", .integer(row))
    }
  }
}
