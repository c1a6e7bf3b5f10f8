/// A path that something happened to and that is not released yet.
struct PendingPath: Sendable {
  /// What is known of a file's content.
  ///
  ///     ─ created, modified ─▶ written ─ quiet ─▶ asked ─ somebody ─▶ open ─ after a while ─▶ asked …
  ///                               │                 ├──── nobody ───▶ complete
  ///                               └──── closed ─────┴─▶ complete ─ modified ─▶ written …
  enum Content: Sendable, Equatable {
    /// Closed, renamed into place, gone: counts after the quiet time.
    case complete
    /// Written to since it was last closed.
    case written
    /// Somebody is being asked, or could not say, whether it is open: counts after the longest quiet time.
    case asked
    /// Somebody had it open for writing at that time; asked again later.
    case open(at: Duration)
  }

  /// What is remembered of a file after its release.
  struct Rewriting: Sendable {
    let debounce: Duration
    let lastSeen: Duration
  }

  let firstSeen: Duration
  var lastSeen: Duration
  var content = Content.complete
  /// To be listed with everything below.
  var isFolder = false
  /// The last that was seen is that it went.
  var isGone = false
  /// It had its name before the first event, or somebody listed it since.
  var wasThere: Bool
  /// The quiet time that it needs.
  var debounce: Duration
  /// How often it was closed after writing.
  var rewrites = 0
  /// The time of its valid element in the queue.
  var scheduled: Duration?

  /// The latest time for its release.
  func limit(_ options: WatchOptions) -> Duration {
    firstSeen + (isFolder ? options.folderHoldLimit : options.holdLimit)
  }

  /// When it is to be looked at again, as far as it alone says.
  func next(_ options: WatchOptions) -> Duration {
    let time =
      switch content {
      case .complete: lastSeen + debounce
      case .written: lastSeen + options.debounce
      case .asked: lastSeen + options.settle
      case .open(let asked): asked + options.settle
      }
    return min(time, limit(options))
  }

  /// Whether looking at it now means to ask who has it open.
  func needsAnswer(at now: Duration, _ options: WatchOptions) -> Bool {
    guard now < limit(options) else { return false }
    return switch content {
    case .complete, .asked: false
    case .written, .open: true
    }
  }

  /// The file was closed. One that is written again and again in place needs more and more quiet time.
  ///
  /// - Parameter earlier: what is remembered of it.
  mutating func finish(after earlier: Rewriting?, at now: Duration, _ options: WatchOptions) {
    var before = rewrites > 0 ? debounce : nil
    if before == nil, let earlier, now - earlier.lastSeen < options.settle { before = earlier.debounce }
    if let before { debounce = min(before * options.debounceGrowth, options.settle) }
    rewrites += 1
    content = .complete
    isGone = false
  }

  /// It was deleted, or has another name now.
  mutating func leave(isFolder: Bool, _ options: WatchOptions) {
    content = .complete
    isGone = true
    self.isFolder = self.isFolder || isFolder
    debounce = options.debounce
  }
}
