import FreshetModel
import FreshetSystem
import Synchronization

/// Reads an item that may hold several documents: JSON Lines, an array, a mailbox.
///
/// Members are judged one by one as the parser hands them over. Which members are gone is judged only after the whole
/// item was parsed, and deleted only at the end of all listings, since a member may have moved to another item.
struct ContainerReader: Sendable {
  let reader: ItemReader
  let work: WorkItem
  let fetched: FetchedContent
  let parser: any Parser

  private var attributes: FetchedAttributes { fetched.attributes }

  private final class Progress: Sendable {
    struct State {
      var seen: Set<String> = []
      var unchanged = 0
      var touched: [TouchedDocument] = []
      var isHeld = false
    }

    let state = Mutex(State())
  }

  /// The run is to end: the item is left as it is.
  private struct Stopped: Error {}

  func read() async throws {
    let progress = Progress()
    do {
      try await parser.parse(fetched.input) { try await receive($0, progress) }
    } catch is Stopped {
      return
    } catch let error as FreshetError where !error.isOfTheStore {
      return try await fail(error, progress.state.withLock { $0 })
    }
    let state = progress.state.withLock { $0 }
    let gone = try await reader.liveDocuments(of: work).filter { !state.seen.contains($0.origin) }
    try await end(state, gone: gone)
  }

  /// The item as a whole failed: nothing in it counts as gone, what came before stands.
  private func fail(_ error: FreshetError, _ state: Progress.State) async throws {
    if let settles = work.settles {
      // The first reading told of the failure, unless it comes earlier now.
      if settles.origins.isSubset(of: state.seen) { return try await end(state, gone: []) }
      reader.pending.abandon(work.key)
    }
    try await reader.sendFailure(work, origin: fetched.path, error, content: attributes.record.hash)
    try await end(state, gone: [])
  }

  private func end(_ state: Progress.State, gone: [DocumentRecord]) async throws {
    try await reader.end(
      work,
      attributes.record,
      unchanged: state.unchanged,
      touched: state.touched,
      gone: gone,
      isOpen: state.isHeld
    )
  }

  private func receive(_ document: ParsedDocument, _ progress: Progress) async throws {
    if reader.run.stop.isGiven { throw Stopped() }
    let origin = document.member.map { fetched.path + "!/" + $0 } ?? fetched.path
    let isFirst = progress.state.withLock { $0.seen.insert(origin).inserted }
    if let settles = work.settles, !isFirst || !settles.origins.contains(origin) { return }
    let content = document.content.map { HeldContent($0) } ?? fetched.content
    let hash = document.content.map { SHA256.digest(of: $0) } ?? attributes.record.hash
    guard isFirst else {
      let error = FreshetError(
        .duplicateOrigin,
        "the name stands more than once in its file; only the first one is indexed",
        path: origin
      )
      return try await reader.sendFailure(work, origin: origin, error, content: hash)
    }
    let decision = try await reader.decide(work, origin: origin, contentHash: hash, size: Int64(content.count))
    switch decision {
    case .keep(_, refresh: false):
      progress.state.withLock { $0.unchanged += 1 }
    case .awaitEndOfListing:
      progress.state.withLock { $0.isHeld = true }
      reader.pending.hold(
        HeldAppearance(
          work: work,
          origin: origin,
          isMember: document.member != nil,
          contentHash: hash,
          size: Int64(content.count),
          fetched: attributes,
          parser: parser.fingerprint,
          format: parser.format
        )
      )
    default:
      do {
        let touched = try await reader.prepare(
          decision,
          work: work,
          origin: origin,
          member: document.member,
          parser: parser,
          rendition: try document.rendition.get(),
          content: content,
          contentHash: hash,
          attributes: attributes
        )
        progress.state.withLock { state in
          state.touched += touched
          state.unchanged += touched.count
        }
      } catch let error as FreshetError where !error.isOfTheStore {
        try await reader.sendFailure(work, origin: origin, error, content: hash)
      }
    }
  }
}
