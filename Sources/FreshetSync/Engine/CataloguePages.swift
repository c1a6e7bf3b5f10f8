import FreshetModel

/// Pages of a source's catalogue, restricted to what stands at or below some paths: only these rows are read, however many
/// others the source has.
public struct CataloguePages: Sendable {
  /// Rows that stand together in the order of their paths: the one at a path, or those below a folder.
  private struct Span {
    /// The first path that may belong to it.
    var start: [UInt8]
    /// The first path behind it.
    var end: [UInt8]
    /// Whether only `start` itself belongs to it.
    var isPoint: Bool
  }

  /// Rows that are read at first of what may be a folder and mostly is a file.
  private static let firstRows = 8

  let store: any Store
  let source: SourceID
  /// In the order of their paths, without overlaps; empty for the whole catalogue.
  private let spans: [Span]

  /// Reads nothing yet.
  ///
  /// - Parameter paths: files and folders relative to the root; none, or the root itself, for everything.
  public init(store: any Store, source: SourceID, paths: [[UInt8]]) {
    self.store = store
    self.source = source
    guard !paths.contains([]) else {
      spans = []
      return
    }
    let all = paths.flatMap { path in
      [
        // In the order of bytes, a path's own row may be far from those below it: `a`, `a-b`, `a/b`.
        Span(start: path, end: path + [0], isPoint: true),
        Span(start: path + [UInt8(ascii: "/")], end: path + [UInt8(ascii: "/") + 1], isPoint: false),
      ]
    }
    var spans: [Span] = []
    for span in all.sorted(by: { compareBytes($0.start, $1.start) < 0 }) {
      // A folder's contents cover what is named below it, and what is named twice.
      if let last = spans.last, compareBytes(span.start, last.end) < 0 { continue }
      spans.append(span)
    }
    self.spans = spans
  }

  /// The next rows after a path, in the order of their paths; empty at the end.
  ///
  /// - Throws: `FreshetError`: what the store throws.
  public func next(after path: [UInt8]?) async throws -> [ItemRecord] {
    guard !spans.isEmpty else {
      return try await store.read(.everything) {
        try $0.items(of: source, after: path, limit: SourceLister.pageSize)
      }
    }
    return try await store.read(.everything) { snapshot in
      var rows: [ItemRecord] = []
      var place = path.map { path in spans.firstIndex { compareBytes(path, $0.end) < 0 } ?? spans.count } ?? 0
      var last = path
      var limit = Self.firstRows
      while place < spans.count, rows.count < SourceLister.pageSize {
        let span = spans[place]
        if span.isPoint {
          if last.map({ compareBytes($0, span.start) < 0 }) ?? true,
            let row = try snapshot.item(of: source, at: span.start)
          {
            rows.append(row)
          }
          place += 1
          continue
        }
        let from = last.map { compareBytes($0, span.start) > 0 ? $0 : span.start } ?? span.start
        let page = try snapshot.items(of: source, after: from, limit: limit)
        let inside = page.prefix { compareBytes($0.path, span.end) < 0 }
        rows += inside
        last = inside.last?.path ?? from
        if inside.count < limit {
          place += 1
          limit = Self.firstRows
        } else {
          limit = min(4 * limit, SourceLister.pageSize)
        }
      }
      return rows
    }
  }
}
