import FreshetModel

/// Many events told in few lines: what people read in a chat or a mail.
struct EventSummary {
  private let events: [CollectionEvent]

  init(_ events: [CollectionEvent]) {
    self.events = events
  }

  /// `3 created, 1 renamed, 1 deleted in docs, wiki`.
  func headline(_ name: (String) -> String) -> String {
    let counts: [(String, Int)] = CollectionEvent.Change.allCases.filter(\.isAboutDocument).compactMap { change in
      let count = events.count { $0.change == change }
      return count == 0 ? nil : (change.rawValue, count)
    }
    guard !counts.isEmpty else { return "Changes are missing" }
    let sources = Set(events.filter(\.change.isAboutDocument).map(\.source)).sorted()
    let shown = sources.prefix(3).map(name).joined(separator: ", ")
    let more = sources.count > 3 ? " and \(sources.count - 3) more sources" : ""
    return counts.map { "\(Quantity.text(count: $0.1)) \($0.0)" }.joined(separator: ", ") + " in \(shown)\(more)"
  }

  /// A line for each of the first documents, and how many more there are.
  func lines(limit: Int, _ name: (String) -> String) -> [String] {
    let documents = events.filter(\.change.isAboutDocument)
    var lines =
      events.contains { $0.change == .changesSkipped }
      ? ["Some changes cannot be told: the collection's log no longer has them. What comes follows."] : []
    for event in documents.prefix(limit) {
      let from = event.previousOrigin.map { " (from \(name($0)))" } ?? ""
      lines.append("\(event.change.rawValue) \(name(event.origin))\(from)")
    }
    if documents.count > limit { lines.append("… and \(Quantity.text(count: documents.count - limit)) more") }
    return lines
  }
}
