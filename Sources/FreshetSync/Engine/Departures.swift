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

  /// Documents of a source that are gone.
  private struct Gone {
    var document: DocumentRecord
    var reason: DeletionReason
    var fingerprint: ItemFingerprint?
  }

  /// What is known of one source's losses.
  private struct Losses {
    var gone: [Gone] = []
    /// Items whose rows go with their documents.
    var items: [[UInt8]] = []
    /// Containers whose rows are saved once their lost members are deleted.
    var containers: [ShrunkContainer] = []
  }

  /// The sources with something that was held back, whose stale editions may therefore remain.
  func settle() async throws -> Set<String> {
    let contents = pending.take()
    var losses = try await judge(contents)
    try await addRemovedSources(&losses)
    var withheld = Set<String>()

    let renamed = try await rename(contents.appearances, &losses)
    let rest = contents.appearances.filter {
      !renamed.finished.contains(OriginKey(source: $0.work.pass.record.id, origin: $0.origin))
    }
    var again: [ItemKey: WorkItem] = [:]
    for appearance in rest {
      again[ItemKey(source: appearance.work.pass.record.id, path: appearance.work.item.path)] = appearance.work
    }
    let items = again.sorted { ($0.key.source, $1.key.path.count) < ($1.key.source, $0.key.path.count) }.map(\.value)
    if !items.isEmpty { try await readAgain(items, renamed.toRead) }

    for (name, loss) in losses.sorted(by: { $0.key < $1.key }) {
      if run.stop.isGiven { return withheld }
      if try await !delete(loss, of: name) { withheld.insert(name) }
    }
    return withheld.union(unseen)
  }

  /// Sources of which a part could not be judged.
  private var unseen: [String] {
    run.report.unavailable.map(\.source)
  }

  // MARK: Absence

  private func judge(_ contents: EndOfListing.Contents) async throws -> [String: Losses] {
    var losses: [String: Losses] = [:]
    var removableItems: [(SourcePass, [UInt8])] = []
    for (pass, item) in contents.missing {
      if run.stop.isGiven { return [:] }
      let reason: DeletionReason
      switch await absence(of: item, in: pass) {
      case .vanished: reason = .vanished
      case .outOfScope: reason = .outOfScope
      case .unknown(let error):
        let documents = try await liveDocuments(pass.record.id, item.path).count
        run.count { $0.documents.held += documents }
        run.report(
          SourceProblem(
            source: pass.source.name,
            path: pass.source.origin(of: item.path),
            error: FreshetErrorRecord(error)
          )
        )
        continue
      }
      let documents = try await liveDocuments(pass.record.id, item.path)
      if documents.isEmpty {
        removableItems.append((pass, item.path))
        continue
      }
      let fingerprint = documents.count == 1 ? item.fingerprint : nil
      losses[pass.source.name, default: Losses()].gone += documents.map {
        Gone(document: $0, reason: reason, fingerprint: fingerprint)
      }
      losses[pass.source.name, default: Losses()].items.append(item.path)
    }
    for container in contents.containers {
      losses[container.work.pass.source.name, default: Losses()].gone += container.gone.map {
        Gone(document: $0, reason: .memberRemoved, fingerprint: nil)
      }
      losses[container.work.pass.source.name, default: Losses()].containers.append(container)
    }
    for (pass, path) in removableItems {
      try await send(.itemRemoved(source: pass.record.id, sourceName: pass.source.name, path: path))
    }
    return losses
  }

  /// With `--allow-mass-delete` a root or mount that is another device than before counts as what it is now.
  private func absence(of item: ItemRecord, in pass: SourcePass) async -> Absence {
    let absence = await pass.source.absence(of: item.path, fingerprint: item.fingerprint)
    if case .unknown(let error) = absence, error.code == .deletionsHeld, run.options.deletionGuard.allowMassDelete {
      return .vanished
    }
    return absence
  }

  private func liveDocuments(_ source: SourceID, _ path: [UInt8]) async throws -> [DocumentRecord] {
    try await run.stages.store.read(.everything) { try $0.liveDocuments(source: source, itemPath: path) }
  }

  /// Documents of sources that are no longer configured; only a run over everything judges them.
  private func addRemovedSources(_ losses: inout [String: Losses]) async throws {
    guard run.options.paths.isEmpty, !run.stop.isGiven else { return }
    let configured = Set(run.stages.sources.map(\.name))
    let removed = try await run.stages.store.read(.everything) { snapshot in
      try snapshot.sources().filter { !configured.contains($0.name) }.map { source in
        var query = DocumentQuery()
        query.source = source.name
        return (source, try snapshot.documents(query))
      }
    }
    for (source, documents) in removed where !documents.isEmpty {
      losses[source.name] = Losses(
        gone: documents.map { Gone(document: $0, reason: .sourceRemoved, fingerprint: nil) },
        items: Array(Set(documents.map(\.itemPath)))
      )
    }
  }

  // MARK: Renames

  /// Pairs appearances with losses. Answers the origins that are settled, and the documents that a second reading turns
  /// into renames; what is paired is no loss any more.
  private func rename(
    _ appearances: [HeldAppearance],
    _ losses: inout [String: Losses]
  ) async throws -> (finished: Set<OriginKey>, toRead: [OriginKey: DocumentRecord]) {
    var finished = Set<OriginKey>()
    var toRead: [OriginKey: DocumentRecord] = [:]
    let gone = losses.sorted { $0.key < $1.key }.flatMap(\.value.gone).filter { $0.reason != .outOfScope }
    guard !gone.isEmpty, !appearances.isEmpty else { return (finished, toRead) }
    let pairs = RenamePairing.pairs(
      vanished: gone.map {
        RenamePairing.Candidate(
          source: $0.document.source,
          path: Array($0.document.origin.utf8),
          fingerprint: $0.fingerprint,
          contentHash: $0.document.contentHash,
          size: $0.document.size
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
    var moved = Set<DocumentID>()
    for pair in pairs {
      let document = gone[pair.vanished].document
      let appearance = appearances[pair.appeared]
      moved.insert(document.id)
      let key = OriginKey(source: appearance.work.pass.record.id, origin: appearance.origin)
      if let prepared = try await prepareRename(of: document, to: appearance) {
        finished.insert(key)
        try await send(.document(prepared))
        let pass = appearance.work.pass
        try await send(
          .itemFinished(
            FinishedItem(
              source: pass.record.id,
              sourceName: pass.source.name,
              record: appearance.fetched.record,
              path: appearance.work.item.path,
              unchanged: 0,
              touched: []
            )
          )
        )
      } else {
        toRead[key] = document
      }
    }
    for name in losses.keys { losses[name]?.gone.removeAll { moved.contains($0.document.id) } }
    return (finished, toRead)
  }

  /// The rename of a document whose edition is as good as new: nothing is read, parsed or embedded. `nil` when it has to
  /// be read again: a member of a container, or an edition that is stale.
  private func prepareRename(
    of document: DocumentRecord,
    to appearance: HeldAppearance
  ) async throws -> PreparedDocument? {
    let pass = appearance.work.pass
    guard !appearance.isMember, document.editionState == .complete,
      let oldPass = endings.first(where: { $0.pass.record.id == document.source })?.pass,
      document.pipeline == oldPass.pipeline
    else { return nil }
    let found = try await run.stages.store.read(.everything) { snapshot in
      (
        try snapshot.rendition(of: document.contentHash, parser: document.parser),
        try snapshot.chunks(of: document.id)
      )
    }
    guard let rendition = found.0, case .string(let format)? = document.metadata["type"] else { return nil }
    return PreparedDocument(
      kind: .renamed,
      document: document.id,
      source: pass.record.id,
      sourceName: pass.source.name,
      uri: pass.source.uri(of: appearance.origin),
      itemPath: appearance.work.item.path,
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
        title: EditionMetadata.title(stated: rendition.title, path: appearance.origin, member: nil),
        metadata: EditionMetadata.compose(
          stated: rendition.metadata,
          configured: pass.source.metadata,
          path: appearance.origin,
          member: nil,
          format: format,
          size: document.size,
          modified: appearance.fetched.modified
        ),
        pipeline: pass.pipeline,
        chunks: []
      ),
      chunks: .kept(found.1),
      cost: 1024 + found.1.count * 64
    )
  }

  // MARK: Deletions

  /// Deletes what the guard lets through; answers whether it did.
  private func delete(_ losses: Losses, of name: String) async throws -> Bool {
    let ending = endings.first { $0.pass.source.name == name }
    if !losses.gone.isEmpty {
      let situation = DeletionGuard.Situation(
        source: name,
        live: try await liveCount(name),
        listed: ending?.listed ?? 0,
        isWhole: ending?.isWhole ?? true,
        deletions: Dictionary(losses.gone.map { ($0.reason, 1) }, uniquingKeysWith: +)
      )
      if let held = run.options.deletionGuard.verdict(situation) {
        run.count { report in
          report.held.append(held)
          report.documents.held += held.count
        }
        run.handler(.held(held))
        return false
      }
    }
    for gone in losses.gone { try await send(.deletion(gone.document, gone.reason)) }
    let source = ending?.pass.record.id ?? losses.gone.first?.document.source
    if let source {
      for path in losses.items { try await send(.itemRemoved(source: source, sourceName: name, path: path)) }
    }
    for container in losses.containers where !container.isReadAgain {
      try await send(
        .itemFinished(
          FinishedItem(
            source: container.work.pass.record.id,
            sourceName: name,
            record: container.record,
            path: container.work.item.path,
            unchanged: 0,
            touched: []
          )
        )
      )
    }
    return true
  }

  private func liveCount(_ name: String) async throws -> Int {
    try await run.stages.store.read(.everything) { try $0.liveDocumentCount(source: name) }
  }
}
