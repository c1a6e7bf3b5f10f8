import FreshetModel
import FreshetSystem

extension Verifier {
  /// Items that differ from their sources: something changed since the last sync, or was missed.
  ///
  /// A file whose fingerprint moved, or cannot be trusted, is read: only another content is a difference. Items in
  /// quarantine do not count, since their failure is on record; nothing counts as gone from a part of a source that cannot
  /// be seen.
  func outOfStep() async throws -> [IntegrityProblem] {
    // A collection that was opened without sources is compared with none.
    guard !stages.sources.isEmpty else { return [] }
    let (records, failures) = try await stages.store.read(.everything) { snapshot in
      (try snapshot.sources(), try snapshot.failures(source: nil, itemPath: nil))
    }
    var problems = try await unconfigured(records)
    for source in stages.sources {
      guard let record = records.first(where: { $0.name == source.name }) else { continue }
      let quarantined = Set(failures.filter { $0.source == source.name }.map(\.itemPath))
      problems += try await differences(of: source, record, quarantined)
    }
    return problems
  }

  /// Sources that left the configuration, and whose documents are still searched.
  private func unconfigured(_ records: [SourceRecord]) async throws -> [IntegrityProblem] {
    let names = Set(stages.sources.map(\.name))
    return try await stages.store.read(.everything) { snapshot in
      try records.compactMap { record in
        guard !names.contains(record.name) else { return nil }
        let count = try snapshot.liveDocumentCount(source: record.name)
        guard count > 0 else { return nil }
        return IntegrityProblem(
          code: "out_of_step",
          message:
            "the source \(record.name) is no longer configured, and \(count) documents of it are still searched; "
            + "sync to remove them (with --allow-mass-delete when they are held), or configure it again"
        )
      }
    }
  }

  /// An item that may differ.
  private struct Suspect {
    var path: [UInt8]
    /// What is there now; `nil` when nothing is.
    var item: ListedItem?
    var known: ItemRecord?
  }

  private func differences(
    of source: any Source,
    _ record: SourceRecord,
    _ quarantined: Set<[UInt8]>
  ) async throws -> [IntegrityProblem] {
    let catalogue = CataloguePages(store: stages.store, source: record.id, paths: [])
    var comparison = ListingComparison(
      readsEverything: false,
      alwaysRead: [],
      nextPage: { try await catalogue.next(after: $0) }
    )
    var shields: [[UInt8]] = []
    var suspects: [Suspect] = []
    func note(_ finding: ListingComparison.Finding) {
      switch finding {
      case .unchanged: break
      case .toRead(let item, _) where quarantined.contains(item.path): break
      case .toRead(let item, let known): suspects.append(Suspect(path: item.path, item: item, known: known))
      case .missing(let item): suspects.append(Suspect(path: item.path, known: item))
      }
    }
    let listing = try await source.listing(of: [])
    while let batch = try await listing.next() {
      shields += batch.problems.map(\.path)
      try await comparison.compare(batch.items, note)
    }
    try await comparison.finish(note)
    var problems: [IntegrityProblem] = []
    for suspect in suspects where !shields.contains(where: { covers($0, suspect.path) }) {
      try Task.checkCancellation()
      guard let difference = try await difference(suspect, of: source, quarantined) else { continue }
      problems.append(
        IntegrityProblem(
          code: "out_of_step",
          message: "\(source.name):\(source.origin(of: suspect.path)) \(difference)"
        )
      )
    }
    return problems
  }

  /// How an item differs, as the rest of a sentence; `nil` when it does not.
  private func difference(
    _ suspect: Suspect,
    of source: any Source,
    _ quarantined: Set<[UInt8]>
  ) async throws -> String? {
    guard let item = suspect.item else {
      if let known = suspect.known, quarantined.contains(suspect.path),
        case .setAside = await source.absence(of: suspect.path, fingerprint: known.fingerprint)
      {
        return nil
      }
      return "is no longer in its source; sync to bring it in step"
    }
    guard let known = suspect.known else { return "is not in the collection; sync to bring it in step" }
    let changed = "changed since the last sync; sync to bring it in step"
    guard item.fingerprint.size == known.fingerprint.size else { return changed }
    do {
      let fetched = try await source.fetch(item)
      return SHA256.digest(of: fetched.bytes) == known.hash ? nil : changed
    } catch let error as FreshetError {
      switch error.code {
      case .notFound: return "is no longer in its source; sync to bring it in step"
      // A sync leaves it out, too.
      case .fileTooLarge where known.documents == 0: return nil
      default: return "cannot be compared: \(error.message)"
      }
    }
  }
}
