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
  let attributes: FetchedAttributes
  let parser: any Parser
  let input: ParserInput

  private final class Progress: Sendable {
    struct State {
      var seen: Set<String> = []
      var unchanged = 0
      var touched: [(document: DocumentID, pipeline: String)] = []
      var isHeld = false
      var hasTransientFailure = false
    }

    let state = Mutex(State())
  }

  func read() async throws {
    let progress = Progress()
    do {
      try await parser.parse(input) { try await receive($0, progress) }
    } catch let error as FreshetError {
      try await reader.sendFailure(work, origin: input.path, error, content: attributes.record.hash)
      let (isHeld, isTransient) = progress.state.withLock { ($0.isHeld, $0.hasTransientFailure || error.isTransient) }
      if !isHeld, !isTransient { try await finish(progress) }
      return
    }
    let source = work.pass.record.id
    let live = try await reader.run.stages.store.read(.everything) {
      try $0.liveDocuments(source: source, itemPath: work.item.path)
    }
    let (gone, isHeld, hasTransientFailure) = progress.state.withLock { state in
      (live.filter { !state.seen.contains($0.origin) }, state.isHeld, state.hasTransientFailure)
    }
    if !gone.isEmpty {
      reader.pending.hold(
        ShrunkContainer(
          work: work,
          record: attributes.record,
          gone: gone,
          isReadAgain: isHeld || hasTransientFailure
        )
      )
    } else if !isHeld, !hasTransientFailure {
      try await finish(progress)
    }
  }

  private func finish(_ progress: Progress) async throws {
    let (unchanged, touched) = progress.state.withLock { ($0.unchanged, $0.touched) }
    try await reader.finish(work, attributes.record, unchanged: unchanged, touched: touched)
  }

  private func receive(_ document: ParsedDocument, _ progress: Progress) async throws {
    if reader.run.stop.isGiven { throw CancellationError() }
    let origin = document.member.map { input.path + "!/" + $0 } ?? input.path
    let content = document.content ?? input.bytes
    let hash = document.content.map { SHA256.digest(of: $0) } ?? attributes.record.hash
    guard progress.state.withLock({ $0.seen.insert(origin).inserted }) else {
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
          fetched: attributes
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
      } catch let error as FreshetError {
        if error.isTransient { progress.state.withLock { $0.hasTransientFailure = true } }
        try await reader.sendFailure(work, origin: origin, error, content: hash)
      }
    }
  }
}
