import FreshetModel

/// Keeps what the store remembers of the sources in step with the configuration.
struct SourceRegistration: Sendable {
  let run: SyncRun

  /// A pass for each configured source; new sources are registered.
  func passes() async throws -> [SourcePass] {
    let known = try await run.stages.store.read(.everything) { try $0.sources() }
    var passes: [SourcePass] = []
    for source in run.stages.sources {
      var record = known.first { $0.name == source.name && $0.location == source.location }
      if record == nil {
        record = try await run.stages.store.write {
          try $0.registerSource(name: source.name, location: source.location)
        }
      }
      guard let record else { continue }
      passes.append(SourcePass(source: source, record: record, pipeline: Self.pipeline(of: source, run.stages)))
    }
    return passes
  }

  /// As `passes`, without writing: a source that the store does not know gets a number that no row has.
  func existingPasses() async throws -> [SourcePass] {
    let known = try await run.stages.store.read(.everything) { try $0.sources() }
    return run.stages.sources.enumerated().map { place, source in
      let record =
        known.first { $0.name == source.name }
        ?? SourceRecord(id: SourceID(-1 - place), name: source.name, location: source.location)
      return SourcePass(source: source, record: record, pipeline: Self.pipeline(of: source, run.stages))
    }
  }

  static func pipeline(of source: any Source, _ stages: SyncStages) -> String {
    Pipeline.fingerprint(parsers: stages.parsers, chunker: stages.chunker, metadata: source.metadata)
  }

  /// Remembers how the sources were listed: a source that was seen whole, with nothing held back, has no stale edition
  /// any more.
  func remember(_ endings: [SourceLister.Ending], withheld: Set<String>) async throws {
    guard !run.stop.isGiven else { return }
    let updates = endings.compactMap { ending -> SourceRecord? in
      guard ending.isFinished, ending.isWhole else { return nil }
      var record = ending.pass.record
      record.rootIdentity = ending.rootIdentity
      record.configuration = ending.pass.source.configurationFingerprint
      if !withheld.contains(record.name), !ending.hadProblems { record.pipeline = ending.pass.pipeline }
      return record == ending.pass.record ? nil : record
    }
    guard !updates.isEmpty else { return }
    try await run.stages.store.write { transaction in
      for record in updates { try transaction.update(record) }
    }
  }
}
