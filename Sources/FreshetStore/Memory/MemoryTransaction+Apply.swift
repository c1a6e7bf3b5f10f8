import FreshetModel
import FreshetSystem

extension MemoryTransaction {
  func apply(_ change: DocumentChange) throws -> ChangeRecord {
    func refusal(_ message: String) -> FreshetError { FreshetError(.storeFailed, message) }
    guard let source = state.sources.first(where: { $0.id == change.source }) else {
      throw refusal("There is no source number \(change.source).")
    }
    let stored = state.documents[change.document]
    let taken = state.live[change.source]?[UTF8Text(change.origin)]
    let before = stored.map {
      DocumentBefore(
        source: $0.record.source,
        origin: $0.record.origin,
        isLive: $0.record.state == .live,
        version: $0.record.version,
        contentHash: $0.record.contentHash
      )
    }
    let isTaken = taken != nil && taken != change.document
    if let message = ChangeRules.refusal(of: change, before: before, isOriginTaken: isTaken) { throw refusal(message) }
    let contentHash = change.version?.contentHash ?? stored?.record.contentHash ?? .zero
    let digest = try change.edition.map { try check($0, of: change, stored: stored, contentHash: contentHash) }

    let sequence = head.sequence + 1
    if let content = change.version?.content, state.contents[contentHash] == nil {
      state.contents[contentHash] = content
    }
    let version = change.version.map { makeVersion($0, of: change, stored: stored, sequence: sequence) }
    let versions = (stored?.versions ?? []) + (version.map { [$0] } ?? [])
    var document = MemoryState.Document(
      record: makeRecord(change, source: source, stored: stored, versions: versions),
      versions: versions,
      chunks: stored?.chunks ?? []
    )
    moveChunks(from: document.chunks, to: change.edition?.chunks ?? [], at: sequence)
    document.chunks = change.edition?.chunks ?? []
    document.stored = stored?.stored ?? MemoryEditions()
    let superseded = document.stored.editions.last { $0.to == nil }?.rendition
    document.stored.follow(change.edition, version: document.record.version, content: contentHash, at: sequence)
    document.past = (stored?.past ?? []) + [.init(sequence: sequence, record: document.record, chunks: document.chunks)]
    if let edition = change.edition { keepRendition(of: edition, contentHash: contentHash) }
    if let before, before.isLive { state.live[before.source]?[UTF8Text(before.origin)] = nil }
    if change.kind != .deleted { state.live[change.source, default: [:]][UTF8Text(change.origin)] = change.document }
    state.documents[change.document] = document
    if let superseded { _ = withdrawText(of: superseded) }
    return appendToLog(change, source: source.name, document, version, contentHash, digest ?? .zero)
  }

  private func check(
    _ edition: DocumentChange.Edition,
    of change: DocumentChange,
    stored: MemoryState.Document?,
    contentHash: ContentHash
  ) throws -> ContentHash {
    func refusal(_ message: String) -> FreshetError { FreshetError(.storeFailed, message) }
    if let message = ChangeRules.refusal(of: edition, origin: change.origin) { throw refusal(message) }
    let open = Dictionary((stored?.chunks ?? []).map { ($0.id, $0.passage) }, uniquingKeysWith: { first, _ in first })
    var chunks: [EditionDigest.Chunk] = []
    for chunk in edition.chunks {
      guard let passage = state.passage(chunk.passage) else {
        throw refusal("Passage \(chunk.passage) of '\(change.origin)' does not exist; save it first.")
      }
      guard open[chunk.id] ?? chunk.passage == chunk.passage else {
        throw refusal("Chunk \(chunk.id) of '\(change.origin)' is another passage than it was.")
      }
      chunks.append(
        EditionDigest.Chunk(chunk: chunk, key: passage.record.key, tokens: passage.record.tokens)
      )
    }
    let stored = state.renditions[MemoryState.RenditionKey(content: contentHash, parser: edition.parser)]
    let rendition = stored.flatMap { $0.isWithdrawn ? nil : $0 }
    let hasContent = change.version?.content != nil || state.contents[contentHash] != nil
    if rendition == nil {
      guard edition.map != nil, edition.markdown != nil || edition.markdownIsContent && hasContent else {
        throw refusal("The edition of '\(change.origin)' brings no rendition, and the store has none.")
      }
    }
    return SHA256.digest(
      of: EditionDigest.canonicalBytes(
        origin: change.origin,
        title: edition.title,
        metadata: edition.metadata,
        pipeline: edition.pipeline,
        parser: edition.parser,
        state: edition.state,
        rendition: rendition?.checksum
          ?? RenditionChecksum.of(
            edition,
            contentHash: contentHash,
            isShared: edition.markdownIsContent && hasContent
          ),
        chunks: chunks
      )
    )
  }

  private func makeVersion(
    _ version: DocumentChange.Version,
    of change: DocumentChange,
    stored: MemoryState.Document?,
    sequence: SequenceNumber
  ) -> VersionRecord {
    let returns = change.kind == .modified || change.kind == .restored
    var record = VersionRecord(
      number: (stored?.record.version ?? 0) + 1,
      kind: change.kind,
      contentHash: version.contentHash,
      size: version.size,
      at: now,
      sequence: sequence,
      run: change.run,
      actor: version.actor,
      owner: version.owner,
      fileModified: version.fileModified,
      origin: change.origin,
      previousOrigin: change.kind == .renamed ? stored?.record.origin : nil,
      sameAs: returns ? self.version(of: change.document, contentHash: version.contentHash) : nil,
      reason: change.reason,
      chain: .zero
    )
    record.chain = SHA256.link(stored?.versions.last?.chain ?? .zero, record.canonicalBytes)
    return record
  }

  private func makeRecord(
    _ change: DocumentChange,
    source: SourceRecord,
    stored: MemoryState.Document?,
    versions: [VersionRecord]
  ) -> DocumentRecord {
    let last = versions.last
    return DocumentRecord(
      id: change.document,
      source: change.source,
      sourceName: source.name,
      itemPath: change.itemPath,
      origin: change.origin,
      state: change.kind == .deleted ? .deleted : .live,
      version: versions.count,
      contentHash: last?.contentHash ?? .zero,
      size: last?.size ?? 0,
      title: change.edition?.title ?? stored?.record.title ?? "",
      metadata: change.edition?.metadata ?? stored?.record.metadata ?? [:],
      pipeline: change.edition?.pipeline ?? stored?.record.pipeline ?? "",
      parser: change.edition?.parser ?? "",
      editionState: change.edition?.state ?? stored?.record.editionState ?? .complete,
      chunkCount: change.edition?.chunks.count ?? 0,
      fileModified: TouchedFile.remaining(stored?.record.fileModified, after: change) ?? last?.fileModified ?? .epoch,
      createdAt: versions.first?.at ?? now,
      updatedAt: last?.at ?? now
    )
  }

  private func moveChunks(from old: [ChunkRecord], to new: [ChunkRecord], at sequence: SequenceNumber) {
    let oldIDs = Set(old.map(\.id))
    let newIDs = Set(new.map(\.id))
    for chunk in new where !oldIDs.contains(chunk.id) {
      state.passages[Int(chunk.passage - 1)].uses += 1
      state.passages[Int(chunk.passage - 1)].changedAt = sequence
    }
    for chunk in old where !newIDs.contains(chunk.id) {
      state.passages[Int(chunk.passage - 1)].uses -= 1
      state.passages[Int(chunk.passage - 1)].changedAt = sequence
    }
  }

  private func keepRendition(of edition: DocumentChange.Edition, contentHash: ContentHash) {
    let key = MemoryState.RenditionKey(content: contentHash, parser: edition.parser)
    guard state.renditions[key]?.isWithdrawn ?? true, let map = edition.map else { return }
    let isShared = edition.markdownIsContent && state.contents[contentHash] != nil
    state.renditions[key] = MemoryState.StoredRendition(
      title: edition.statedTitle,
      metadata: edition.statedMetadata,
      map: map,
      markdown: isShared ? nil : edition.markdown,
      checksum: RenditionChecksum.of(edition, contentHash: contentHash, isShared: isShared)
    )
  }

  private func appendToLog(
    _ change: DocumentChange,
    source: String,
    _ document: MemoryState.Document,
    _ version: VersionRecord?,
    _ contentHash: ContentHash,
    _ digest: ContentHash
  ) -> ChangeRecord {
    var record = ChangeRecord(
      sequence: head.sequence + 1,
      at: now,
      run: change.run,
      kind: change.kind,
      document: change.document,
      source: source,
      origin: change.origin,
      previousOrigin: version?.previousOrigin,
      version: document.record.version,
      contentHash: contentHash,
      reason: change.reason,
      edition: digest,
      versionChain: document.versions.last?.chain ?? .zero,
      chain: .zero
    )
    record.chain = SHA256.link(head.chain, record.canonicalBytes)
    state.changes.append(record)
    state.changedMetadata[record.sequence] = document.record.metadata
    state.head.sequence = record.sequence
    state.head.chain = record.chain
    state.head.at = record.at
    return record
  }
}
