import FreshetModel

/// Keeps what the store remembers of the sources in step with the configuration.
struct SourceRegistration: Sendable {
  let run: SyncRun

  /// A pass for each configured source; new sources are registered.
  func passes() async throws -> [SourcePass] {
    let known = try await known()
    var passes: [SourcePass] = []
    for source in run.stages.sources {
      let stored = known.first { $0.record.name == source.name }
      var record = stored?.record
      if record?.location != source.location {
        record = try await run.stages.store.write {
          try $0.registerSource(name: source.name, location: source.location)
        }
      }
      guard let record else { continue }
      passes.append(pass(source, record, live: stored?.live ?? 0))
    }
    return passes
  }

  /// As `passes`, without writing: a source that the store does not know gets a number that no row has.
  func existingPasses() async throws -> [SourcePass] {
    let known = try await known()
    return run.stages.sources.enumerated().map { place, source in
      let stored = known.first { $0.record.name == source.name }
      let new = SourceRecord(id: SourceID(-1 - place), name: source.name, location: source.location)
      return pass(source, stored?.record ?? new, live: stored?.live ?? 0)
    }
  }

  private func known() async throws -> [(record: SourceRecord, live: Int)] {
    try await run.stages.store.read(.everything) { snapshot in
      try snapshot.sources().map { ($0, try snapshot.liveDocumentCount(source: $0.name)) }
    }
  }

  private func pass(_ source: any Source, _ record: SourceRecord, live: Int) -> SourcePass {
    SourcePass(source: source, record: record, live: live, pipeline: Self.pipeline(of: source, run.stages))
  }

  static func pipeline(of source: any Source, _ stages: SyncStages) -> String {
    Pipeline.fingerprint(parsers: stages.parsers, chunker: stages.chunker, metadata: source.metadata)
  }

  /// Says that a source without documents has none that another pipeline made.
  func begin(_ pass: SourcePass) async throws {
    var record = pass.record
    record.pipeline = pass.pipeline
    let begun = record
    try await run.stages.store.write { try $0.update(begun) }
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

  /// Forgets sources that are no longer configured and have no live document left: their items and failures go, the
  /// history of their documents stays.
  func forgetRemoved() async throws {
    guard !run.stop.isGiven, run.options.paths.isEmpty else { return }
    let configured = Set(run.stages.sources.map(\.name))
    let removed = try await known().filter { !configured.contains($0.record.name) && $0.live == 0 }.map(\.record)
    guard !removed.isEmpty else { return }
    try await run.stages.store.write { transaction in
      for source in removed {
        while true {
          let items = try transaction.items(of: source.id, after: nil, limit: SourceLister.pageSize)
          if items.isEmpty { break }
          try transaction.removeItems(items.map(\.path), source: source.id)
        }
        for failure in try transaction.failures(source: source.name, itemPath: nil) {
          try transaction.removeFailures(source: source.name, itemPath: failure.itemPath, origin: nil)
        }
        try transaction.removeSource(source.id)
      }
    }
  }
}
