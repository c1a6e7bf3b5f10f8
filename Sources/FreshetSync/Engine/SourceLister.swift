import FreshetModel

/// Lists one source and compares it with the catalogue: what must be read is sent on, what is missing is remembered.
struct SourceLister: Sendable {
  let run: SyncRun
  let pending: EndOfListing
  let send: @Sendable (WorkItem) async throws -> Void

  /// Rows of the catalogue that are held at a time.
  static let pageSize = 4096

  /// How a listing ended.
  struct Ending: Sendable {
    var pass: SourcePass
    /// Whether the whole source was seen, apart from what a problem shields.
    var isFinished: Bool
    var isWhole: Bool
    var rootIdentity: String
    var listed: Int
    var hadProblems: Bool
    /// Items with failures that were neither listed nor shielded.
    var goneFailures: [[UInt8]] = []
  }

  /// Lists the source; a source that cannot be listed is reported and judged no further.
  ///
  /// - Parameters:
  ///   - alwaysRead: paths that are read whatever their fingerprint.
  ///   - failed: paths of items that are in quarantine.
  func list(_ pass: SourcePass, alwaysRead: Set<[UInt8]>, failed: Set<[UInt8]>) async throws -> Ending {
    let paths = run.options.paths[pass.source.name] ?? []
    let unsettled = run.options.unsettled[pass.source.name] ?? []
    var ending = Ending(
      pass: pass,
      isFinished: false,
      isWhole: paths.isEmpty,
      rootIdentity: "",
      listed: 0,
      hadProblems: false
    )
    do {
      let listing = try await pass.source.listing(of: paths)
      let catalogue = CataloguePages(store: run.stages.store, source: pass.record.id, paths: paths)
      var comparison = ListingComparison(
        readsEverything: run.options.checksum || run.options.force || pass.isStale
          || run.options.annotation != nil,
        alwaysRead: alwaysRead,
        nextPage: { try await catalogue.next(after: $0) }
      )
      var shields: [[UInt8]] = []
      var missing: [ItemRecord] = []
      var failed = failed
      while let batch = try await listing.next() {
        if run.stop.isGiven { return ending }
        tell(batch, pass)
        shields += batch.problems.map(\.path)
        ending.listed += batch.items.count
        var findings = Findings()
        try await comparison.compare(batch.items) { findings.add($0) }
        if !unsettled.isEmpty { findings.toRead.removeAll { unsettled.contains($0.0.path) } }
        if !failed.isEmpty { for item in batch.items { failed.remove(item.path) } }
        missing += findings.missing
        try await handle(findings, pass)
        run.advance { $0.itemsListed += batch.items.count }
      }
      if run.stop.isGiven { return ending }
      var findings = Findings()
      try await comparison.finish { findings.add($0) }
      missing += findings.missing
      // Only now that the listing has finished is an absence one, and only outside of what it could not see.
      pending.miss(missing.filter { record in !shields.contains { covers($0, record.path) } }, of: pass)
      ending.goneFailures = failed.filter { path in
        !shields.contains { covers($0, path) } && (paths.isEmpty || paths.contains { covers($0, path) })
      }
      ending.rootIdentity = listing.rootIdentity
      ending.hadProblems = !shields.isEmpty
      ending.isFinished = true
    } catch let error as FreshetError where error.code == .sourceUnavailable {
      run.report(SourceProblem(source: pass.source.name, path: "", error: FreshetErrorRecord(error)))
    }
    return ending
  }

  private struct Findings {
    var unchanged = 0
    var toRead: [(ListedItem, ItemRecord?)] = []
    var missing: [ItemRecord] = []

    mutating func add(_ finding: ListingComparison.Finding) {
      switch finding {
      case .unchanged(let known): unchanged += known.documents
      case .toRead(let item, let known): toRead.append((item, known))
      case .missing(let record): missing.append(record)
      }
    }
  }

  private func handle(_ findings: Findings, _ pass: SourcePass) async throws {
    if findings.unchanged > 0 { run.count { $0.documents.unchanged += findings.unchanged } }
    guard !findings.toRead.isEmpty else { return }
    let bytes = findings.toRead.reduce(Int64(0)) { $0 + $1.0.fingerprint.size }
    run.advance { progress in
      progress.itemsToRead += findings.toRead.count
      progress.bytesToRead += bytes
    }
    for (item, known) in findings.toRead {
      if run.stop.isGiven { return }
      try await send(WorkItem(pass: pass, item: item, known: known))
    }
  }

  private func tell(_ batch: ListingBatch, _ pass: SourcePass) {
    for problem in batch.problems {
      run.report(
        SourceProblem(
          source: pass.source.name,
          path: pass.source.origin(of: problem.path),
          error: FreshetErrorRecord(problem.error)
        )
      )
    }
    guard !batch.skipped.isEmpty else { return }
    run.count { $0.documents.skipped += batch.skipped.count }
    for item in batch.skipped {
      run.handler(
        .skipped(source: pass.source.name, origin: pass.source.origin(of: item.path), reason: item.reason)
      )
    }
  }
}

/// Whether the path is the folder or file itself or stands below it; the empty path covers everything.
func covers(_ folder: [UInt8], _ path: [UInt8]) -> Bool {
  folder.isEmpty
    || path.starts(with: folder) && (path.count == folder.count || path[folder.count] == UInt8(ascii: "/"))
}
