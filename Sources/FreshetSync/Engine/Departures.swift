import FreshetModel
import FreshetSystem

/// Judges, once all listings have finished, what is gone and what moved: renames first, then copies and restorations,
/// then the deletions that the guard lets through.
struct Departures: Sendable {
  let run: SyncRun
  let pending: EndOfListing
  /// How each source's listing ended.
  let endings: [SourceLister.Ending]
  let send: @Sendable (PipelineElement) async throws -> Void
  /// Reads items again, now that the end of all listings has been reached.
  let readAgain: @Sendable ([WorkItem], [OriginKey: DocumentRecord]) async throws -> Void

  /// Items whose documents are looked up in one read.
  static let lookupSize = 256

  /// A document of a source that is gone.
  private struct Gone {
    var document: DocumentRecord
    var reason: DeletionReason
    var fingerprint: ItemFingerprint?
  }

  /// What is known of one source's losses.
  private struct Losses {
    var gone: [Gone] = []
    /// Items that are gone, whose rows go with their documents.
    var items: [[UInt8]] = []
    /// Live documents before the run.
    var live = 0
  }

  /// Settles everything; answers the sources with something that was held back, whose stale editions may therefore remain.
  func settle() async throws -> Set<String> {
    let contents = pending.take()
    var withheld = Set(run.report.unavailable.map(\.source))
    let finished = Set(endings.filter(\.isFinished).map(\.pass.record.id))
    var losses = try await judge(contents, finished, &withheld)
    try await addRemovedSources(&losses)
    if run.stop.isGiven { return withheld }

    let renames = try await rename(contents.appearances.filter { finished.contains($0.work.pass.record.id) }, &losses)
    try await readAgain(secondReadings(of: contents.appearances, without: renames.made), renames.toRead)
    if run.stop.isGiven { return withheld }

    var held = Set(endings.filter { !$0.isFinished }.map(\.pass.source.name))
    for (name, loss) in losses.sorted(by: { $0.key < $1.key }) {
      if try await mayDelete(loss, of: name) { continue }
      held.insert(name)
      let kept = Set(loss.gone.map(\.document.itemPath))
      losses[name]?.items.removeAll { kept.contains($0) }
      losses[name]?.gone = []
    }
    try await delete(losses)
    try await endItems(contents.items, held: held, moved: renames.moved)
    for ending in endings {
      let pass = ending.pass
      for path in ending.goneFailures {
        if case .setAside = await pass.source.absence(of: path, fingerprint: .unseen(device: 0)) { continue }
        try await send(.itemRemoved(source: pass.record.id, sourceName: pass.source.name, path: path))
      }
    }
    return withheld.union(held)
  }

  /// What is left of the appearances, one reading for each item.
  private func secondReadings(of appearances: [HeldAppearance], without made: Set<OriginKey>) -> [WorkItem] {
    var items: [WorkItem] = []
    var places: [ItemKey: Int] = [:]
    for appearance in appearances where !made.contains(appearance.key) {
      if let place = places[appearance.item] {
        items[place].settles?.origins.insert(appearance.origin)
      } else {
        var work = appearance.work
        work.settles = WorkItem.Settlement(origins: [appearance.origin], hash: appearance.fetched.record.hash)
        places[appearance.item] = items.count
        items.append(work)
      }
    }
    return items
  }

  /// Items that waited for the end are as they were read now, unless documents of theirs were held back.
  private func endItems(_ items: [OpenItem], held: Set<String>, moved: Set<DocumentID>) async throws {
    let abandoned = pending.abandoned
    for item in items where !abandoned.contains(item.key) {
      let name = item.work.pass.source.name
      if held.contains(name), item.gone.contains(where: { !moved.contains($0.id) }) { continue }
      try await send(
        .itemFinished(
          FinishedItem(
            source: item.key.source,
            sourceName: name,
            record: item.record,
            path: item.key.path,
            unchanged: 0,
            touched: []
          )
        )
      )
    }
  }

  // MARK: Absence

  private func judge(
    _ contents: EndOfListing.Contents,
    _ finished: Set<SourceID>,
    _ withheld: inout Set<String>
  ) async throws -> [String: Losses] {
    var losses: [String: Losses] = [:]
    var unknown: [String: [FreshetErrorRecord: Int]] = [:]
    func lose(_ documents: [Gone], of pass: SourcePass, item: [UInt8]?) {
      losses[pass.source.name, default: Losses(live: pass.live)].gone += documents
      if let item { losses[pass.source.name]?.items.append(item) }
    }
    for start in stride(from: 0, to: contents.missing.count, by: Self.lookupSize) {
      if run.stop.isGiven { return [:] }
      let missing = Array(contents.missing[start..<min(start + Self.lookupSize, contents.missing.count)])
      let documents = try await run.stages.store.read(.everything) { snapshot in
        try missing.map { pass, item in
          try snapshot.liveDocuments(source: pass.record.id, itemPath: item.path).map(\.withoutMetadata)
        }
      }
      for ((pass, item), documents) in zip(missing, documents) {
        // What belongs to one document only may be recognised by its inode.
        let fingerprint = documents.count == 1 ? item.fingerprint : nil
        let reason: DeletionReason
        switch await absence(of: item, in: pass) {
        case .vanished: reason = .vanished
        case .outOfScope: reason = .outOfScope
        case .setAside:
          if try await isOnRecord(item.path, of: pass) { continue }
          reason = .vanished
        case .unknown(let error):
          unknown[pass.source.name, default: [:]][FreshetErrorRecord(error), default: 0] += documents.count
          continue
        }
        lose(documents.map { Gone(document: $0, reason: reason, fingerprint: fingerprint) }, of: pass, item: item.path)
      }
    }
    for item in contents.items where !item.gone.isEmpty && finished.contains(item.key.source) {
      lose(item.gone.map { Gone(document: $0, reason: item.reason) }, of: item.work.pass, item: nil)
    }
    for (source, errors) in unknown.sorted(by: { $0.key < $1.key }) {
      withheld.insert(source)
      for (error, count) in errors.sorted(by: { $0.key.message < $1.key.message }) where count > 0 {
        hold(HeldDeletions(source: source, count: count, sentence: "\(error.message) (nothing was deleted)"))
      }
    }
    return losses
  }

  /// Whether the item failed as it was last read: what was set aside before it came anew is not its state.
  private func isOnRecord(_ path: [UInt8], of pass: SourcePass) async throws -> Bool {
    try await run.stages.store.read(.everything) { snapshot in
      try !snapshot.failures(source: pass.source.name, itemPath: path).isEmpty
    }
  }

  /// With `--allow-mass-delete` a root or mount that is another device than before counts as what it is now.
  private func absence(of item: ItemRecord, in pass: SourcePass) async -> Absence {
    let absence = await pass.source.absence(of: item.path, fingerprint: item.fingerprint)
    if case .unknown(let error) = absence, error.code == .deletionsHeld, run.options.deletionGuard.allowMassDelete {
      return .vanished
    }
    return absence
  }

  /// Documents of sources that are no longer configured; only a run over everything judges them.
  private func addRemovedSources(_ losses: inout [String: Losses]) async throws {
    guard run.options.paths.isEmpty, !run.stop.isGiven else { return }
    let configured = Set(run.stages.sources.map(\.name))
    let removed = try await run.stages.store.read(.everything) { snapshot in
      try snapshot.sources().filter { !configured.contains($0.name) }.map { source in
        var query = DocumentQuery()
        query.source = source.name
        let documents = try snapshot.documents(query).map(\.withoutMetadata)
        var fingerprints: [[UInt8]: ItemFingerprint] = [:]
        for path in Set(documents.map(\.itemPath)) {
          fingerprints[path] = try snapshot.item(of: source.id, at: path)?.fingerprint
        }
        return (source, documents, fingerprints)
      }
    }
    for (source, documents, fingerprints) in removed where !documents.isEmpty {
      losses[source.name] = Losses(
        gone: documents.map { document in
          let isItem = document.origin.utf8.elementsEqual(document.itemPath)
          return Gone(
            document: document,
            reason: .sourceRemoved,
            fingerprint: isItem ? fingerprints[document.itemPath] : nil
          )
        },
        items: Set(documents.map(\.itemPath)).sorted { compareBytes($0, $1) < 0 },
        live: documents.count
      )
    }
  }

  // MARK: Renames

  /// What became of the pairs.
  private struct Renames {
    /// Origins whose rename is on its way.
    var made = Set<OriginKey>()
    /// Documents that a second reading turns into renames.
    var toRead: [OriginKey: DocumentRecord] = [:]
    /// All documents that move.
    var moved = Set<DocumentID>()
  }

  /// Pairs appearances with losses; what is paired is no loss any more.
  private func rename(_ appearances: [HeldAppearance], _ losses: inout [String: Losses]) async throws -> Renames {
    var renames = Renames()
    let gone = losses.sorted { $0.key < $1.key }.flatMap(\.value.gone)
    guard !gone.isEmpty, !appearances.isEmpty else { return renames }
    let pairs = RenamePairing.pairs(
      vanished: gone.map {
        RenamePairing.Candidate(
          source: $0.document.source,
          path: Array($0.document.origin.utf8),
          fingerprint: $0.fingerprint,
          contentHash: $0.document.contentHash,
          size: $0.document.size,
          // What a pattern leaves out is deleted, not moved, unless the very file stands elsewhere now: moved behind a
          // link, or taken over by a source inside of this one.
          pairsByInodeOnly: $0.reason == .outOfScope
        )
      },
      appeared: appearances.map {
        RenamePairing.Candidate(
          source: $0.work.pass.record.id,
          path: Array($0.origin.utf8),
          fingerprint: $0.isMember ? nil : $0.work.item.fingerprint,
          contentHash: $0.contentHash,
          size: $0.size
        )
      }
    )
    for pair in pairs {
      let document = gone[pair.vanished].document
      let appearance = appearances[pair.appeared]
      renames.moved.insert(document.id)
      if let prepared = try await prepareRename(of: document, to: appearance) {
        renames.made.insert(appearance.key)
        try await send(.document(prepared))
      } else {
        renames.toRead[appearance.key] = document
      }
    }
    for name in losses.keys { losses[name]?.gone.removeAll { renames.moved.contains($0.document.id) } }
    return renames
  }

  /// The rename of a document whose edition is as good as new: nothing is read, parsed or embedded. `nil` when it has to
  /// be read again: a member of a container, another parser, or an edition that is stale.
  private func prepareRename(
    of document: DocumentRecord,
    to appearance: HeldAppearance
  ) async throws -> PreparedDocument? {
    let pass = appearance.work.pass
    guard !run.options.force, !appearance.isMember, document.editionState == .complete,
      document.parser == appearance.parser,
      let oldPass = endings.first(where: { $0.pass.record.id == document.source })?.pass,
      document.pipeline == oldPass.pipeline
    else { return nil }
    let found = try await run.stages.store.read(.everything) { snapshot in
      (
        try snapshot.rendition(of: document.contentHash, parser: document.parser),
        try snapshot.chunks(of: document.id),
        try snapshot.annotation(of: document.id)
      )
    }
    guard let rendition = found.0 else { return nil }
    let annotation = run.options.annotation?.applied(to: found.2) ?? found.2
    return PreparedDocument(
      kind: .renamed,
      document: document.id,
      source: pass.record.id,
      sourceName: pass.source.name,
      uri: pass.source.uri(of: appearance.origin),
      itemPath: appearance.work.item.path,
      device: appearance.work.item.fingerprint.device,
      origin: appearance.origin,
      previous: document,
      version: DocumentChange.Version(
        contentHash: document.contentHash,
        size: document.size,
        content: nil,
        fileModified: appearance.fetched.modified,
        actor: run.options.actor,
        owner: appearance.fetched.owner
      ),
      edition: DocumentChange.Edition(
        parser: document.parser,
        markdown: nil,
        markdownIsContent: false,
        map: nil,
        statedTitle: rendition.title,
        statedMetadata: rendition.metadata,
        title: EditionMetadata.title(
          stated: rendition.title,
          path: appearance.origin,
          member: nil,
          annotation: annotation
        ),
        metadata: EditionMetadata.compose(
          stated: rendition.metadata,
          configured: pass.source.metadata,
          path: appearance.origin,
          member: nil,
          format: appearance.format,
          size: document.size,
          modified: appearance.fetched.modified,
          annotation: annotation
        ),
        pipeline: pass.pipeline,
        chunks: []
      ),
      chunks: .kept(found.1),
      cost: 1024 + found.1.count * 64,
      annotation: annotation == found.2 ? nil : annotation
    )
  }

  // MARK: Deletions

  /// Asks the guard; what it holds back is told.
  private func mayDelete(_ losses: Losses, of name: String) async throws -> Bool {
    guard !losses.gone.isEmpty else { return true }
    let guardian = run.options.deletionGuard
    let ending = endings.first { $0.pass.source.name == name }
    let look = RemainingItems(run: run)
    do {
      let situation = DeletionGuard.Situation(
        source: name,
        live: losses.live,
        isEmpty: try await guardian.allowMassDelete ? false : look.isEmpty(ending),
        recent: try await guardian.allowMassDelete ? 0 : look.recentDeletions(of: ending),
        deletions: Dictionary(losses.gone.map { ($0.reason, 1) }, uniquingKeysWith: +)
      )
      guard let held = guardian.verdict(situation) else {
        if guardian.allowMassDelete { try await send(.deletionsAccepted(sourceName: name)) }
        return true
      }
      hold(held)
    } catch let error as FreshetError where error.code == .sourceUnavailable {
      let sentence = "\(FreshetErrorRecord(error).message) (nothing was deleted)"
      hold(HeldDeletions(source: name, count: losses.gone.count, sentence: sentence))
    }
    return false
  }

  private func hold(_ held: HeldDeletions) {
    run.count { report in
      report.held.append(held)
      report.documents.held += held.count
    }
    run.handler(.held(held))
  }

  private func delete(_ losses: [String: Losses]) async throws {
    let known = try await run.stages.store.read(.everything) { try $0.sources() }
    for (name, loss) in losses.sorted(by: { $0.key < $1.key }) {
      for gone in loss.gone { try await send(.deletion(gone.document, gone.reason)) }
      guard let source = known.first(where: { $0.name == name })?.id else { continue }
      for path in loss.items { try await send(.itemRemoved(source: source, sourceName: name, path: path)) }
    }
  }
}
