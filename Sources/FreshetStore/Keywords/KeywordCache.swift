import FreshetModel
import Synchronization

/// Posting lists of the words that were searched for, at one state of a collection, so that a word costs a pass over
/// its list once and not at each search.
///
/// Lists follow the log: passages that became live enter the lists, those that ceased leave them, so that a list always
/// is what a read of the index at that state would give. Where that cannot be told cheaply, everything is forgotten and
/// read again. Least recently used lists go first.
final class KeywordCache: Sendable {
  /// Bytes of posting lists that are kept.
  static let bytesMax = 64 << 20
  /// A longer list is read at each search.
  static let listBytesMax = bytesMax / 4
  /// Changed passages that lists follow; after more changes they are read again.
  static let changesMax = 2_048
  /// Bytes that may have to be moved to follow; where it is more, reading again is faster.
  static let movedBytesMax = 1 << 31

  /// The words' lists, and what is known of the whole index.
  struct Known {
    var lists: [UTF8Text: [Posting]] = [:]
    var totals: Totals?
    /// Every live passage with its length.
    var lengths: [Posting]?
  }

  /// The size of the whole index.
  struct Totals {
    var passages: Int
    var tokens: Int
  }

  /// A passage that entered the index or left it.
  struct Change {
    var passage: PassageID
    var isLive: Bool
    var tokens: KeywordTokens
  }

  private struct List {
    var postings: [Posting]
    /// Whether the tokens of a passage tell if it belongs in the list.
    var isOfWord: Bool
    var lastUse: UInt64

    /// Bytes beside the postings: a list of a word that nobody uses costs memory, too.
    static func overhead(of word: UTF8Text) -> Int { 160 + word.bytes.count }
  }

  private struct State {
    var head: Head?
    var totals: Totals?
    var lengths: [Posting]?
    var lists: [UTF8Text: List] = [:]
    var bytes = 0
    var uses: UInt64 = 0
  }

  private let state = Mutex(State())

  /// The state that the lists are of.
  var head: Head? { state.withLock { $0.head } }

  /// What is kept of these words at a state; nothing when the lists are of another.
  func known(of words: [UTF8Text], at head: Head) -> Known {
    state.withLock { state in
      guard state.head == head else { return Known() }
      var known = Known(totals: state.totals, lengths: state.lengths)
      state.uses += 1
      for word in words {
        guard let list = state.lists[word] else { continue }
        known.lists[word] = list.postings
        state.lists[word]?.lastUse = state.uses
      }
      return known
    }
  }

  /// Keeps what was read at a state; nothing is kept of one that is older than the lists.
  func keep(_ known: Known, at head: Head) {
    state.withLock { state in
      if state.head != head {
        if let newer = state.head, newer.epoch == head.epoch, newer.sequence > head.sequence { return }
        state = State(head: head)
      }
      state.totals = state.totals ?? known.totals
      state.lengths = state.lengths ?? known.lengths
      state.uses += 1
      for (word, postings) in known.lists where state.lists[word] == nil {
        let bytes = postings.count * MemoryLayout<Posting>.stride + List.overhead(of: word)
        guard bytes <= Self.listBytesMax else { continue }
        state.lists[word] = List(postings: postings, isOfWord: KeywordQuery.isWord(word), lastUse: state.uses)
        state.bytes += bytes
      }
      guard state.bytes > Self.bytesMax else { return }
      // Down to three quarters, so that the next word does not sort them again.
      for (word, list) in state.lists.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
        if state.bytes <= Self.bytesMax / 4 * 3 { break }
        state.lists[word] = nil
        state.bytes -= list.postings.count * MemoryLayout<Posting>.stride + List.overhead(of: word)
      }
    }
  }

  /// Whether lists of a state can follow the log: only when it is known which passages are in the index.
  func canFollow(from head: Head) -> Bool {
    state.withLock { $0.head == head && $0.lengths != nil && $0.totals != nil }
  }

  /// Forgets everything that is of a state.
  func forget(_ head: Head) {
    state.withLock { if $0.head == head { $0 = State() } }
  }

  /// Forgets everything.
  func forget() {
    state.withLock { $0 = State() }
  }

  /// Brings the lists from one state to another. Does nothing when another search was first.
  func follow(_ changes: [Change], from old: Head, to new: Head) {
    state.withLock { state in
      guard state.head == old, var lengths = state.lengths, var totals = state.totals else { return }
      let bytes = state.bytes + lengths.count * MemoryLayout<Posting>.stride
      guard changes.count <= Self.movedBytesMax / max(1, bytes) else {
        state = State()
        return
      }
      // Lets the arrays be changed in place.
      state.lengths = nil
      if !changes.isEmpty {
        for (word, list) in state.lists where !list.isOfWord {
          state.lists[word] = nil
          state.bytes -= list.postings.count * MemoryLayout<Posting>.stride + List.overhead(of: word)
        }
      }
      for change in changes {
        let length = change.tokens.length
        guard change.isLive != lengths.holds(change.passage, at: lengths.place(of: change.passage)) else { continue }
        let sign = change.isLive ? 1 : -1
        totals.passages += sign
        totals.tokens += sign * length
        if change.isLive {
          guard let posting = Posting(passage: change.passage, weight: 0, length: length) else { continue }
          lengths.enter(posting)
        } else {
          lengths.leave(change.passage)
        }
        for (word, weight) in change.tokens.weights {
          guard state.lists[word] != nil else { continue }
          if change.isLive {
            guard let posting = Posting(passage: change.passage, weight: weight, length: length) else { continue }
            state.lists[word]?.postings.enter(posting)
          } else {
            state.lists[word]?.postings.leave(change.passage)
          }
          state.bytes += sign * MemoryLayout<Posting>.stride
        }
      }
      state.lengths = lengths
      state.totals = totals
      state.head = new
    }
  }
}

/// The tokens of a passage as the keyword index counts them.
struct KeywordTokens {
  /// Tokens of heading and body; those beside another at its place do not count.
  private(set) var length = 0
  /// The weight of each token, under the name that a query's word has.
  private(set) var weights: [UTF8Text: Int] = [:]

  init(heading: [String], body: String) {
    add(HeadingText.encode(heading), weight: BM25.headingWeight)
    add(body, weight: 1)
  }

  private mutating func add(_ text: String, weight: Int) {
    let tokens = KeywordTokenizer.tokens(of: text, for: .document)
    length += (tokens.last?.position ?? -1) + 1
    for token in tokens { weights[UTF8Text(KeywordQuery.expression(.word(token.text))), default: 0] += weight }
  }
}
