import Freshet
import FreshetIndex
import FreshetModel

/// What is measured of a live service besides its status.
struct LiveFigures: Sendable {
  /// How long units of work took, by what they were of.
  private(set) var durations: [LiveWork.Kind: Histogram] = [:]
  /// From a change to the commit that made it searchable.
  private(set) var latency = Histogram([0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60, 300])
  /// Alerts that began, by their cause.
  private(set) var alerts: [LiveAlert.Cause: Int] = [:]

  private static let durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

  mutating func hear(_ event: LiveEvent) {
    switch event {
    case .worked(let work):
      durations[work.kind, default: Histogram(Self.durationBounds)].observe(work.duration.inSeconds)
      if let time = work.latency { latency.observe(time.inSeconds) }
    case .alert(let alert) where !alert.isOver: alerts[alert.cause, default: 0] += 1
    default: break
    }
  }

  /// The page for Prometheus.
  ///
  /// - Parameters:
  ///   - collection: what it holds; `nil` when that could not be read.
  ///   - isUp: whether the service goes on after this page.
  func page(_ status: LiveStatus, collection: CollectionStatus?, path: String, isUp: Bool) -> String {
    // Pages of several collections may lie in one folder: the label keeps their figures apart.
    var page = ExpositionText(labels: [("collection", path)])
    page.add("freshet_up", .gauge, isUp ? 1 : 0, "Whether the service runs; 0 after it was stopped.")
    page.add("freshet_start_time_seconds", .gauge, status.startedAt.inSeconds, "When the service began, in Unix time.")
    work(status, &page)
    state(status, &page)
    watching(status, &page)
    if let collection { Self.add(collection, &page) }
    return page.text
  }

  private func work(_ status: LiveStatus, _ page: inout ExpositionText) {
    let (documents, chunks, seconds) = (status.totals.documents, status.totals.chunks, status.totals.seconds)
    page.add(
      "freshet_documents_tracked_total",
      .counter,
      [
        ("created", documents.created), ("modified", documents.modified), ("renamed", documents.renamed),
        ("restored", documents.restored), ("deleted", documents.deleted), ("refreshed", documents.refreshed),
      ].map { ([("change", $0.0)], Double($0.1)) },
      "Changes of documents that were brought into step."
    )
    page.add(
      "freshet_documents_failed_total",
      .counter,
      Double(documents.failed),
      "Attempts at documents that failed."
    )
    page.add("freshet_chunks_added_total", .counter, Double(chunks.added), "Chunks that were made.")
    page.add("freshet_chunks_removed_total", .counter, Double(chunks.removed), "Chunks that were removed.")
    page.add(
      "freshet_embeddings_computed_total",
      .counter,
      Double(chunks.embedded),
      "Passages that were embedded."
    )
    page.add(
      "freshet_embeddings_saved_total",
      .counter,
      [("kept", chunks.kept), ("moved", chunks.moved), ("cached", chunks.reused)]
        .map { ([("by", $0.0)], Double($0.1)) },
      "Embeddings that were not computed: of chunks that stayed, moved with their document, or were known by their text."
    )
    page.add("freshet_embedder_calls_total", .counter, Double(status.totals.embedderCalls), "Calls of the embedder.")
    page.add("freshet_embedder_tokens_total", .counter, Double(status.totals.embedderTokens), "Tokens embedded.")
    page.add(
      "freshet_read_bytes_total",
      .counter,
      Double(status.totals.bytesRead),
      "Bytes of the files that were read."
    )
    page.add(
      "freshet_stage_seconds_total",
      .counter,
      [
        ("list", seconds.list), ("read", seconds.read), ("parse", seconds.parseAlone),
        ("chunk", seconds.chunk), ("embed", seconds.embed), ("commit", seconds.commit),
      ].map { ([("stage", $0.0)], $0.1) },
      "Seconds spent in each stage, summed over the workers."
    )
    page.add(
      "freshet_track_duration_seconds",
      durations.sorted { $0.key.rawValue < $1.key.rawValue }.map { ([("work", $0.key.rawValue)], $0.value) },
      "Seconds that a unit of work took: files just saved (fresh), a piece of a load, a whole source."
    )
    page.add(
      "freshet_searchable_latency_seconds",
      [([], latency)],
      "Seconds from a change, as its event came, to the commit that made it searchable."
    )
  }

  private func state(_ status: LiveStatus, _ page: inout ExpositionText) {
    page.add("freshet_queue_length", .gauge, Double(status.queued), "Files and paths that wait for their turn.")
    page.add("freshet_memory_resident_bytes", .gauge, Double(status.residentBytes), "Resident memory.")
    page.add("freshet_memory_peak_bytes", .gauge, Double(status.peakMemoryBytes), "The largest resident memory.")
    page.add(
      "freshet_memory_state",
      .gauge,
      LiveMemory.Level.allCases.map { ([("state", $0.rawValue)], status.memory == $0 ? 1 : 0) },
      "Which of memory.warn and memory.limit the memory is above; 1 for the present state."
    )
    page.add("freshet_embedder_up", .gauge, status.isEmbedderDown ? 0 : 1, "Whether the embedder answers.")
    page.add(
      "freshet_error",
      .gauge,
      status.error == nil ? 0 : 1,
      "Whether the collection as a whole cannot be written."
    )
    if let last = status.lastChange {
      page.add("freshet_last_change_timestamp_seconds", .gauge, last.inSeconds, "The last commit, in Unix time.")
    }
    page.add(
      "freshet_alerts_total",
      .counter,
      LiveAlert.Cause.allCases.map { ([("cause", $0.rawValue)], Double(alerts[$0] ?? 0)) },
      "Alerts that began."
    )
    page.add(
      "freshet_alert_active",
      .gauge,
      LiveAlert.Cause.allCases.map { cause in
        ([("cause", cause.rawValue)], status.alerts.contains { $0.cause == cause } ? 1 : 0)
      },
      "Whether an alert is on."
    )
  }

  private func watching(_ status: LiveStatus, _ page: inout ExpositionText) {
    let held = Dictionary(status.held.map { ($0.source, $0.count) }, uniquingKeysWith: +)
    let unseen = Set(status.unavailable.map(\.source))
    let names = Set(status.watch.map(\.source)).union(held.keys).union(unseen).sorted()
    page.add(
      "freshet_deletions_held",
      .gauge,
      names.map { ([("source", $0)], Double(held[$0] ?? 0)) },
      "Deletions that wait for --allow-mass-delete."
    )
    page.add(
      "freshet_source_available",
      .gauge,
      names.map { ([("source", $0)], unseen.contains($0) ? 0 : 1) },
      "Whether all of a source can be seen."
    )
    let watch = status.watch.sorted { $0.source < $1.source }
    page.add(
      "freshet_watched_folders",
      .gauge,
      watch.map { ([("source", $0.source), ("mode", $0.mode)], Double($0.folders)) },
      "Folders that are watched, and how."
    )
    page.add(
      "freshet_watch_unsettled_paths",
      .gauge,
      watch.map { ([("source", $0.source)], Double($0.unsettled)) },
      "Changed paths that have not settled."
    )
    page.add(
      "freshet_watch_overflows_total",
      .counter,
      watch.map { ([("source", $0.source)], Double($0.overflows)) },
      "How often the system lost events, and the source was listed anew."
    )
  }

  private static func add(_ collection: CollectionStatus, _ page: inout ExpositionText) {
    let counts = collection.counts
    page.add("freshet_documents", .gauge, Double(counts.documents), "Documents of the collection.")
    page.add("freshet_versions", .gauge, Double(counts.versions), "Versions of documents.")
    page.add("freshet_chunks", .gauge, Double(counts.chunks), "Chunks that are searched.")
    page.add("freshet_passages", .gauge, Double(counts.passages), "Distinct texts of the chunks.")
    page.add("freshet_vectors", .gauge, Double(counts.vectors), "Vectors that are searched.")
    page.add(
      "freshet_documents_awaiting_vectors",
      .gauge,
      Double(counts.awaitingVectors),
      "Documents that are found by keywords only, for now."
    )
    page.add("freshet_failures", .gauge, Double(counts.failures), "Documents in quarantine.")
    page.add("freshet_sequence", .gauge, Double(collection.head.sequence), "The number of the last change.")
    page.add(
      "freshet_index_rebuild_threshold_ratio",
      .gauge,
      collection.rebuildThreshold,
      "The share of changed vectors from which the index is built anew."
    )
    guard let index = collection.index else { return }
    page.add(
      "freshet_index_changed_ratio",
      .gauge,
      index.changedRatio,
      "The share of vectors that changed since the index was built."
    )
    page.add(
      "freshet_index_changed_vectors",
      .gauge,
      [
        ([("change", "added")], Double(index.addedSinceBuild)),
        ([("change", "removed")], Double(index.removedSinceBuild)),
      ],
      "Vectors added and removed since the index was built."
    )
    page.add("freshet_index_bytes", .gauge, Double(index.byteCount), "Bytes of the index files.")
    page.add(
      "freshet_index_lag_changes",
      .gauge,
      Double(max(0, collection.head.sequence - index.position.sequence)),
      "Changes that the index files do not have yet; searches replay them."
    )
    page.add(
      "freshet_index_last_rebuild_timestamp_seconds",
      .gauge,
      index.builtAt.inSeconds,
      "When the index was built, in Unix time."
    )
  }
}

extension Timestamp {
  /// Seconds since the epoch, to the millisecond.
  fileprivate var inSeconds: Double { Double(nanoseconds / 1_000_000) / 1000 }
}
