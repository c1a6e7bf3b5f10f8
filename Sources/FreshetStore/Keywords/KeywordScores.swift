import FreshetModel

/// Adds up the scores of passages, one word's postings after the other, and chooses the best.
struct KeywordScores {
  /// Passages of consecutive numbers whose scores stand together: what is touched is proportional to what matches,
  /// however far apart the numbers are.
  private static let blockSize = 256
  /// Candidates beyond the limit that are gathered before the worst are dropped.
  private static let slack = 1_024

  private var blocks: [Int: Int] = [:]
  private var scores: [Float] = []

  /// Adds what a word's occurrences are worth. Passages that match have a score above 0.
  mutating func add(_ postings: [Posting], _ formula: BM25) {
    let rarity = formula.rarity(holding: postings.count)
    postings.withUnsafeBufferPointer { postings in
      var index = 0
      while index < postings.count {
        let block = Int(postings[index].passage) / Self.blockSize
        let start = start(of: block)
        let first = PassageID(block * Self.blockSize)
        scores.withUnsafeMutableBufferPointer { scores in
          while index < postings.count {
            let posting = postings[index]
            let place = Int(posting.passage - first)
            // Below 0 only where a damaged index has no order.
            guard place >= 0, place < Self.blockSize else { break }
            scores[start + place] += formula.score(rarity: rarity, weight: posting.weight, length: posting.length)
            index += 1
          }
        }
      }
    }
  }

  private mutating func start(of block: Int) -> Int {
    if let start = blocks[block] { return start }
    let start = scores.count
    scores.append(contentsOf: repeatElement(0, count: Self.blockSize))
    blocks[block] = start
    return start
  }

  /// The best passages, best first; those of equal scores by their numbers.
  func best(_ limit: Int, members: PassageSet?) -> [ScoredPassage] {
    var best: [ScoredPassage] = []
    var threshold: Float = 0
    func shorten() {
      best.sort { $0.score == $1.score ? $0.passage < $1.passage : $0.score > $1.score }
      guard best.count >= limit else { return }
      best.removeSubrange(limit...)
      // Passages come in the order of their numbers: one with the last one's score comes after it.
      threshold = best.last?.score ?? 0
    }
    let (room, overflows) = limit.addingReportingOverflow(Self.slack)
    scores.withUnsafeBufferPointer { scores in
      for (block, start) in blocks.sorted(by: { $0.key < $1.key }) {
        for place in 0..<Self.blockSize where scores[start + place] > threshold {
          let passage = PassageID(block * Self.blockSize + place)
          guard members?.contains(passage) ?? true else { continue }
          best.append(ScoredPassage(passage: passage, score: scores[start + place]))
          if !overflows, best.count >= room { shorten() }
        }
      }
    }
    shorten()
    return best
  }
}
