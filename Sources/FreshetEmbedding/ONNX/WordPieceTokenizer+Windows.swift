extension WordPieceTokenizer {
  /// Windows of one text above which it is read no further: at 256 tokens, some 64 KB of English.
  public static let defaultMaximumWindows = 64

  /// The ids of a text in windows of at most `maximumLength`, each with `[CLS]` before and `[SEP]` after.
  ///
  /// A text that fits is one window, that of `encode`. A longer one is cut where its words begin, into the fewest windows
  /// of near-equal length; a run of ids without a word's beginning near the place, which no natural text has, is cut in
  /// its midst. Every id is in exactly one window. What follows the last of `maximumWindows` is left out.
  public func windows(
    of text: String,
    maximumLength: Int,
    maximumWindows: Int = WordPieceTokenizer.defaultMaximumWindows
  ) -> [[Int32]] {
    let (ids, cuts) = cut(text, maximumLength, maximumWindows)
    guard !cuts.isEmpty else { return [[special.classification] + ids + [special.separator]] }
    return zip([0] + cuts, cuts + [ids.count]).map { start, end in
      [special.classification] + ids[start..<end] + [special.separator]
    }
  }

  /// How many ids `windows` gives in all, without making them.
  public func countInWindows(
    _ text: String,
    maximumLength: Int,
    maximumWindows: Int = WordPieceTokenizer.defaultMaximumWindows
  ) -> Int {
    // Most texts fit, and then need no second look.
    let limit = max(maximumLength - 2, 0)
    let count = count(text, limit: limit == 0 ? maximumLength : maximumLength + 1)
    guard count > maximumLength, limit > 0 else { return count }
    let (ids, cuts) = cut(text, maximumLength, maximumWindows)
    return ids.count + 2 * (cuts.count + 1)
  }

  /// The ids without those around the windows, and where each window after the first starts.
  private func cut(_ text: String, _ maximumLength: Int, _ maximumWindows: Int) -> (ids: [Int32], cuts: [Int]) {
    let limit = max(maximumLength - 2, 0)
    var text = text
    return text.withUTF8 { bytes in
      var run = WordPieceRun(tokenizer: self, limit: limit == 0 ? 0 : limit + 1, keepsIDs: true)
      run.ids.reserveCapacity(min(limit, bytes.count / 3 + 1) + 2)
      run.read(bytes)
      if run.count <= limit { return (run.ids, []) }
      let windows = max(maximumWindows, 1)
      let (capacity, overflow) = limit.multipliedReportingOverflow(by: windows)
      run = WordPieceRun(tokenizer: self, limit: overflow ? .max : capacity, keepsIDs: true, keepsWordStarts: true)
      run.read(bytes)
      let cuts = Self.cuts(of: run.ids.count, at: run.wordStarts, limit: limit, maximumWindows: windows)
      let end = min(run.ids.count, (cuts.last ?? 0) + limit)
      return (Array(run.ids[..<end]), cuts)
    }
  }

  /// Where windows of at most `limit` begin, apart from the first.
  ///
  /// What is left is divided evenly each time, so that a cut that moved to a word's beginning burdens no single window.
  static func cuts(of count: Int, at starts: [Int], limit: Int, maximumWindows: Int) -> [Int] {
    var cuts: [Int] = []
    var start = 0
    var next = 0
    while count - start > limit, cuts.count < maximumWindows - 1 {
      let rest = count - start
      let windows = (rest + limit - 1) / limit
      let target = start + (rest + windows - 1) / windows
      // A quarter, so that every window keeps a fair length and their number a bound.
      let lowest = max(start + 1, target - limit / 4)
      let highest = min(start + limit, target + limit / 4)
      var chosen = target
      var distance = Int.max
      while next < starts.count, starts[next] < lowest { next += 1 }
      var index = next
      while index < starts.count, starts[index] <= highest {
        if abs(starts[index] - target) < distance {
          distance = abs(starts[index] - target)
          chosen = starts[index]
        }
        index += 1
      }
      cuts.append(chosen)
      start = chosen
    }
    return cuts
  }
}
