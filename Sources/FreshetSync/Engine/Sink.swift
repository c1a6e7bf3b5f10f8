import FreshetModel
import FreshetSystem

/// The end of the pipeline: collects elements into windows, embeds them, commits them, while the next window embeds.
struct Sink: Sendable {
  let run: SyncRun
  let embedding: EmbeddingStage
  let commit: CommitStage
  /// Measures how long a finished document has waited.
  let timer: any Clock<Duration>

  /// How long a window should take to embed, so that finished documents do not wait longer for their commit.
  private var target: Double { run.options.checkpointInterval.inSeconds }

  /// Takes everything out of the channel until it ends.
  func drain(_ elements: BoundedChannel<PipelineElement>) async throws {
    let windows = BoundedChannel<[EmbeddingStage.Ready]>(limit: 2)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        var memory = CommitStage.Memory()
        while let window = try await windows.receive() { try await commit.commit(window, &memory) }
        return true
      }
      group.addTask {
        do {
          try await embedAll(elements) { try await windows.send($0) }
          windows.finish()
          return true
        } catch {
          windows.finish(throwing: error)
          throw error
        }
      }
      group.addTask {
        await flushRegularly(elements)
        return false
      }
      // Two that work; the third one is only to stop when they are done.
      var working = 2
      while working > 0, let worked = try await group.next() { working -= worked ? 1 : 0 }
      group.cancelAll()
    }
  }

  /// Ends the window that is open at every interval, so that slow readers keep no document from its commit.
  private func flushRegularly(_ elements: BoundedChannel<PipelineElement>) async {
    while (try? await timer.sleep(for: run.options.checkpointInterval)) != nil {
      guard let isTaken = try? await elements.send(.flush), isTaken else { return }
    }
  }

  private func embedAll(
    _ elements: BoundedChannel<PipelineElement>,
    _ send: ([EmbeddingStage.Ready]) async throws -> Void
  ) async throws {
    // Until the speed is known a window is small: its documents wait for all of its texts.
    var size = run.options.embedderBatch * max(1, embedding.embedding?.embedder.parallelism ?? 1)
    var unfinished = Set<ItemKey>()
    while let window = try await nextWindow(elements, texts: size) {
      let start = ContinuousClock.now
      let before = run.report.chunks.embedded
      let ready = try await embedding.process(window, &unfinished)
      // The texts are stored; what is left to commit may have to wait.
      _ = consume window
      try await send(ready)
      let embedded = run.report.chunks.embedded - before
      let seconds = (ContinuousClock.now - start).inSeconds
      if embedded > 0, seconds > 0 {
        let rate = Double(embedded) / seconds
        size = min(run.options.embedderWindow, max(run.options.embedderBatch, Int(rate * target)))
      }
    }
  }

  /// The next elements, up to a number of texts or bytes; `nil` at the end.
  private func nextWindow(
    _ elements: BoundedChannel<PipelineElement>,
    texts limit: Int
  ) async throws -> [PipelineElement]? {
    var window: [PipelineElement] = []
    var texts = 0
    var bytes = 0
    while texts < limit, bytes < run.options.checkpointBytes, window.count < 4 * run.options.embedderWindow {
      guard let element = try await elements.receive() else { break }
      if case .flush = element {
        if window.isEmpty { continue }
        break
      }
      window.append(element)
      bytes += element.cost
      if case .document(let document) = element, case .cut(let chunks) = document.chunks { texts += chunks.count }
    }
    return window.isEmpty ? nil : window
  }
}
