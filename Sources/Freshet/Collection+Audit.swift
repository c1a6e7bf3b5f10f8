import FreshetModel
import FreshetSystem

extension Collection {
  /// Who changed what, when and why: the changes of a period, document by document, with the runs that made them.
  ///
  /// ```swift
  /// for try await part in collection.audit(since: .ago(.seconds(30 * 86_400))) {
  ///   if case .change(let entry) = part { print(entry.change.origin, entry.change.kind, entry.actor ?? "") }
  /// }
  /// ```
  ///
  /// The report is of the collection's state at its beginning, however long it is read; it is read in pages, so a log of
  /// millions of changes takes little memory, and no write waits for it.
  ///
  /// - Parameters:
  ///   - since: what followed this moment; `nil` begins with the first change that the log has.
  ///   - until: what had been made by this moment; `nil` ends with the last change.
  ///   - source: only changes of documents that were in the source of this name then.
  ///   - document: only changes of this document, as `document(_:)` takes its name.
  /// - Returns: a sequence that throws what the store throws, `not_found` for no such document or run,
  ///   `invalid_argument` for a moment that cannot be, and `history_pruned` for one before the log's beginning.
  public func audit(
    since: Moment? = nil,
    until: Moment? = nil,
    source: String? = nil,
    document: String? = nil
  ) -> AuditReport {
    AuditReport(collection: self, since: since, until: until, source: source, document: document)
  }
}

/// What every report of `Collection.audit` begins with.
public struct AuditHeader: Hashable, Sendable {
  /// When the report was made.
  public var generatedAt: Timestamp
  /// Where the collection is.
  public var path: String
  /// The head that the report was made at: `verify` tells later whether the history is still the one reported.
  public var head: Head
  /// When the period begins; `nil` when it begins with the log.
  public var since: Timestamp?
  /// The first moment after the period; `nil` when it ends with the present.
  public var until: Timestamp?
  /// The changes that are reported on.
  public var selection: AuditSelection
  /// How many there are.
  public var totals: AuditTotals
}

/// A part of an audit's report, in this order: the header, the runs, then each document followed by its changes.
public enum AuditPart: Hashable, Sendable {
  /// Period, head and counts.
  case header(AuditHeader)
  /// A run of the period; of a report on one source or document, all runs are told too.
  case run(RunRecord)
  /// A document that changed; its changes follow.
  case document(AuditedDocument)
  /// A change of the document before.
  case change(AuditedChange)
}

/// The parts of a report as they come: `Collection.audit(since:until:source:document:)`.
public struct AuditReport: AsyncSequence, Sendable {
  /// Parts that are read at once.
  static let pageSize = 1_000

  let collection: Collection
  let since: Moment?
  let until: Moment?
  let source: String?
  let document: String?

  /// Begins at the collection's present state.
  public func makeAsyncIterator() -> Iterator { Iterator(report: self) }

  /// One reader of a report.
  public struct Iterator: AsyncIteratorProtocol {
    private enum Place {
      case start
      case runs(after: RunID?)
      case documents(after: AuditedDocument?)
      case changes(of: AuditedDocument, after: SequenceNumber)
      case end
    }

    let report: AuditReport
    private var place = Place.start
    private var page: ArraySlice<AuditPart> = []
    private var header: AuditHeader?
    /// The runs that changed the one document that the report is of; `nil` for a report of several.
    private var wanted: Set<RunID>?
    private var period = (from: Timestamp(nanoseconds: .min), to: Timestamp(nanoseconds: .max))

    init(report: AuditReport) {
      self.report = report
    }

    /// The next part; `nil` after the last one.
    public mutating func next() async throws -> AuditPart? {
      while page.isEmpty {
        try Task.checkCancellation()
        switch place {
        case .start: try await start()
        case .runs(let last): try await readRuns(after: last)
        case .documents(let last): try await readDocuments(after: last)
        case .changes(let document, let last): try await readChanges(of: document, after: last)
        case .end: return nil
        }
      }
      return page.removeFirst()
    }

    private mutating func start() async throws {
      let (report, now) = (self.report, SystemWallClock().now())
      var document: DocumentID?
      if let name = report.document { document = try await report.collection.document(name).id }
      let chosen = document
      let path = report.collection.folder.path
      let (header, period) = try await report.collection.store.read(.everything) { snapshot in
        var selection = AuditSelection(first: snapshot.head.anchor.sequence + 1, last: snapshot.head.sequence)
        var period = (from: Timestamp(nanoseconds: .min), to: Timestamp(nanoseconds: .max))
        selection.source = report.source
        selection.document = chosen
        if let since = report.since {
          selection.first = try since.sequence(in: snapshot, now: now, at: .start, isStateNeeded: false) + 1
          period.from = try Self.time(of: since, .start, now, selection.first, snapshot) ?? period.from
        }
        if let until = report.until {
          selection.last = try until.sequence(in: snapshot, now: now, at: .end, isStateNeeded: false)
          period.to = try Self.time(of: until, .end, now, selection.last, snapshot) ?? period.to
        }
        guard selection.first <= selection.last + 1 else {
          throw FreshetError(
            .invalidArgument,
            "the period ends before it begins: 'since' is change \(selection.first - 1), 'until' is change "
              + "\(selection.last); exchange them"
          )
        }
        let header = AuditHeader(
          generatedAt: now,
          path: path,
          head: snapshot.head,
          since: report.since == nil ? nil : period.from,
          until: report.until == nil ? nil : period.to,
          selection: selection,
          totals: try snapshot.totals(of: selection)
        )
        return (header, period)
      }
      (self.header, self.period) = (header, period)
      page = [.header(header)]
      place = .runs(after: nil)
    }

    /// The time that a moment means; that of the change beside it when it names a change or a run.
    private static func time(
      of moment: Moment,
      _ edge: Moment.Edge,
      _ now: Timestamp,
      _ sequence: SequenceNumber,
      _ snapshot: any StoreSnapshot
    ) throws -> Timestamp? {
      switch moment {
      case .time(let span): return edge == .start ? span.start : span.end
      case .ago(let duration):
        let (seconds, attoseconds) = duration.components
        let whole = now - Timestamp(seconds: seconds, nanoseconds: attoseconds / 1_000_000_000)
        return Timestamp(seconds: whole.components.seconds, nanoseconds: whole.components.attoseconds / 1_000_000_000)
      case .sequence, .run:
        let anchor = snapshot.head.anchor
        if edge == .end, sequence == anchor.sequence { return Timestamp(nanoseconds: anchor.at.nanoseconds + 1) }
        guard let change = try snapshot.changes(after: sequence - 1, limit: 1).first else { return nil }
        return edge == .start ? change.at : Timestamp(nanoseconds: change.at.nanoseconds + 1)
      }
    }

    private mutating func readRuns(after last: RunID?) async throws {
      let period = period
      // Of one document, only the runs that changed it.
      if wanted == nil, let selection = header?.selection, let document = selection.document {
        wanted = try await report.collection.store.read(.everything) { snapshot in
          var runs: Set<RunID> = []
          var last: SequenceNumber = 0
          while let page = try Optional(
            snapshot.changes(of: document, selection, after: last, limit: AuditReport.pageSize)
          ),
            let newest = page.last?.change.sequence
          {
            runs.formUnion(page.map(\.change.run))
            last = newest
          }
          return runs
        }
      }
      let runs = try await report.collection.store.read(.everything) { snapshot in
        try snapshot.runs(from: period.from, to: period.to, after: last, limit: AuditReport.pageSize)
      }
      page = runs.filter { wanted?.contains($0.id) ?? true }.map { AuditPart.run($0.withWholeReport) }[...]
      place = runs.last.map { .runs(after: $0.id) } ?? .documents(after: nil)
    }

    private mutating func readDocuments(after last: AuditedDocument?) async throws {
      guard let selection = header?.selection else { return place = .end }
      let (parts, next) = try await report.collection.store.read(.everything) { snapshot in
        var parts: [AuditPart] = []
        var last = last
        // One document with many changes, or many documents with one: a page is about as long.
        while parts.count < AuditReport.pageSize {
          let documents = try snapshot.audited(selection, after: last, limit: AuditReport.pageSize / 4)
          for document in documents {
            parts.append(.document(document))
            let changes = try snapshot.changes(of: document.id, selection, after: 0, limit: AuditReport.pageSize)
            parts += changes.map { .change($0) }
            if changes.count == AuditReport.pageSize, let open = changes.last {
              return (parts, Place.changes(of: document, after: open.change.sequence))
            }
            last = document
            if parts.count >= AuditReport.pageSize { break }
          }
          if documents.isEmpty { return (parts, Place.end) }
        }
        return (parts, Place.documents(after: last))
      }
      page = parts[...]
      place = next
    }

    private mutating func readChanges(of document: AuditedDocument, after last: SequenceNumber) async throws {
      guard let selection = header?.selection else { return place = .end }
      let changes = try await report.collection.store.read(.everything) { snapshot in
        try snapshot.changes(of: document.id, selection, after: last, limit: AuditReport.pageSize)
      }
      page = changes.map { AuditPart.change($0) }[...]
      place =
        changes.count == AuditReport.pageSize
        ? .changes(of: document, after: changes.last?.change.sequence ?? last) : .documents(after: document)
    }
  }
}
