import FreshetModel
import FreshetSystem

extension SQLiteTransaction {
  // MARK: Models and vectors

  func registerModel(_ description: ModelDescription) throws -> ModelRecord {
    if let known = try models().first(where: { $0.description.fingerprint == description.fingerprint }) {
      guard known.description.dimension == description.dimension else {
        throw FreshetError(
          .modelMismatch,
          "The model '\(description.name)' has vectors of \(known.description.dimension) components in this "
            + "collection, and now claims \(description.dimension).",
          path: connection.path
        )
      }
      return known
    }
    guard (1...ModelDescription.dimensionMax).contains(description.dimension) else {
      throw FreshetError(
        .modelMismatch,
        "A model of \(description.dimension) components cannot be stored; 1 to \(ModelDescription.dimensionMax) are possible.",
        path: connection.path
      )
    }
    return try writing {
      try connection.run(
        "INSERT INTO model(name, fingerprint, dimension, maximum_tokens, state) VALUES(?1, ?2, ?3, ?4, 'building')",
        .text(description.name),
        .text(description.fingerprint),
        .int(description.dimension),
        description.maximumTokens.map { .int($0) } ?? .null
      )
      let id = connection.lastInsertedRow
      try connection.execute(
        """
        CREATE TABLE \(Self.vectorTable(id))(
          passage INTEGER PRIMARY KEY REFERENCES passage(id), checksum INTEGER NOT NULL, value BLOB NOT NULL
        )
        """
      )
      return ModelRecord(id: id, description: description, state: .building)
    }
  }

  func serve(model: ModelID) throws {
    _ = try dimension(of: model)
    try writing {
      try connection.run(
        "UPDATE model SET state = 'retired' WHERE state = 'serving' AND id <> ?1",
        .integer(model)
      )
      try connection.run("UPDATE model SET state = 'serving' WHERE id = ?1", .integer(model))
    }
  }

  func saveVectors(_ page: VectorPage, model: ModelID) throws {
    let dimension = try dimension(of: model)
    guard page.dimension == dimension, page.halves.count == page.count * dimension else {
      throw FreshetError(
        .modelMismatch,
        "Vectors of \(page.dimension) components do not fit model number \(model), which has \(dimension).",
        path: connection.path
      )
    }
    try writing {
      let statement = try connection.statement(
        composed: """
          INSERT INTO \(Self.vectorTable(model))(passage, checksum, value) VALUES(?1, ?2, ?3)
          ON CONFLICT(passage) DO UPDATE SET checksum = excluded.checksum, value = excluded.value
          """
      )
      #if _endian(little)
        let halves = page.halves
      #else
        let halves = page.halves.map { $0.byteSwapped }
      #endif
      try halves.withUnsafeBytes { bytes in
        for (index, passage) in page.passages.enumerated() {
          let value = UnsafeRawBufferPointer(rebasing: bytes[index * dimension * 2..<(index + 1) * dimension * 2])
          statement.bind(1, passage)
          statement.bind(2, VectorChecksum.of(passage: passage, value: value))
          statement.bindUncopied(3, value)
          try statement.run()
        }
      }
    }
  }

  func removeModel(_ model: ModelID) throws {
    _ = try dimension(of: model)
    try writing {
      // SQLite refuses to drop a table while a statement of it is prepared and running; none is, but none may be left.
      connection.forgetComposedStatements()
      let isServing = try connection.count(
        "SELECT count(*) FROM model WHERE id = ?1 AND state = 'serving'",
        .integer(model)
      )
      if isServing > 0 {
        try connection.execute("DELETE FROM \(Self.vectorTable(model))")
      } else {
        try connection.execute("DROP TABLE \(Self.vectorTable(model))")
        try connection.run("DELETE FROM model WHERE id = ?1", .integer(model))
      }
    }
  }

  // MARK: Failures, runs, settings

  func save(_ failure: FailureRecord) throws {
    try writing {
      try connection.run(
        """
        INSERT OR REPLACE INTO failure(source, item_path, origin, code, message, is_transient, attempts, first_at,
          last_at, content_hash, pipeline) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        """,
        .text(failure.source),
        .blob(failure.itemPath),
        .text(failure.origin),
        .text(failure.error.code.rawValue),
        .text(failure.error.message),
        .integer(failure.error.isTransient ? 1 : 0),
        .int(failure.attempts),
        .integer(failure.firstAt.nanoseconds),
        .integer(failure.lastAt.nanoseconds),
        failure.contentHash.map { .hash($0) } ?? .null,
        .text(failure.pipeline)
      )
    }
  }

  func removeFailures(source: String, itemPath: [UInt8], origin: String?) throws {
    try writing {
      try connection.run(
        "DELETE FROM failure WHERE source = ?1 AND item_path = ?2 AND (?3 IS NULL OR origin = ?3)",
        .text(source),
        .blob(itemPath),
        .text(orNull: origin)
      )
    }
  }

  func save(_ run: RunRecord) throws {
    try writing {
      try connection.run(
        """
        INSERT INTO run(uuid, started_at, finished_at, actor, first_sequence, last_sequence, report)
        VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT(uuid) DO UPDATE SET started_at = excluded.started_at, finished_at = excluded.finished_at,
          actor = excluded.actor, first_sequence = excluded.first_sequence, last_sequence = excluded.last_sequence,
          report = excluded.report
        """,
        .id(run.id),
        .integer(run.startedAt.nanoseconds),
        run.finishedAt.map { .integer($0.nanoseconds) } ?? .null,
        .text(run.actor),
        .integer(run.firstSequence),
        run.lastSequence.map { .integer($0) } ?? .null,
        .text(orNull: run.report?.description)
      )
    }
  }

  func set(_ name: String, to value: String?) throws {
    try writing {
      if let value {
        try connection.run("INSERT OR REPLACE INTO setting(name, value) VALUES(?1, ?2)", .text(name), .text(value))
      } else {
        try connection.run("DELETE FROM setting WHERE name = ?1", .text(name))
      }
    }
  }
}
