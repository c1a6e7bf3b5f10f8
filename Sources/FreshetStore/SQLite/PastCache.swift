import FreshetModel
import Synchronization

/// What searches of the past keep between each other.
///
/// A state of the past never changes, so what is known of it holds for ever: which passages were live, the lists of words.
/// What tells it from the present is kept for one present. The state that was used longest ago is forgotten first.
final class PastCache: Sendable {
  /// States that something is kept of.
  static let statesMax = 2
  /// Chunks closed since above which they are read again at each search: 24 bytes each.
  static let closedMax = 2 << 20
  /// Bytes of the lists of words of one state.
  static let listBytesMax = 16 << 20

  private struct State {
    var head: Head
    var lastUse: UInt64 = 0
    var members: PassageSet?
    var differences: (present: Head, value: PastDifferences)?
    var filter: (present: Head, value: PastFilter)?
    var totals: KeywordCache.Totals?
    var lengths: [Posting]?
    var lists: [UTF8Text: [Posting]] = [:]
    var listBytes = 0
  }

  private struct States {
    var states: [State] = []
    var uses: UInt64 = 0
  }

  private let states = Mutex(States())

  private func known<Value>(_ head: Head, _ value: (State) -> Value?) -> Value? {
    states.withLock { states in
      guard let index = states.states.firstIndex(where: { $0.head == head }) else { return nil }
      states.uses += 1
      states.states[index].lastUse = states.uses
      return value(states.states[index])
    }
  }

  private func change(_ head: Head, _ body: (inout State) -> Void) {
    states.withLock { states in
      states.uses += 1
      if let index = states.states.firstIndex(where: { $0.head == head }) {
        body(&states.states[index])
        states.states[index].lastUse = states.uses
        return
      }
      if states.states.count == Self.statesMax,
        let oldest = states.states.indices.min(by: { states.states[$0].lastUse < states.states[$1].lastUse })
      {
        states.states.remove(at: oldest)
      }
      var state = State(head: head, lastUse: states.uses)
      body(&state)
      states.states.append(state)
    }
  }

  /// What a filter matched.
  struct PastFilter {
    var filter: Filter
    var documents: PassageSet
    var passages: PassageSet?
  }

  func members(at head: Head) -> PassageSet? { known(head) { $0.members } }

  func keep(_ members: PassageSet, at head: Head) { change(head) { $0.members = members } }

  func differences(from head: Head, to present: Head) -> PastDifferences? {
    known(head) { $0.differences?.present == present ? $0.differences?.value : nil }
  }

  func keep(_ differences: PastDifferences, from head: Head, to present: Head) {
    guard differences.closed.count <= Self.closedMax else { return }
    change(head) { $0.differences = (present, differences) }
  }

  func filter(at head: Head, present: Head) -> PastFilter? {
    known(head) { $0.filter?.present == present ? $0.filter?.value : nil }
  }

  func keep(_ filter: PastFilter, at head: Head, present: Head) { change(head) { $0.filter = (present, filter) } }

  /// What is kept of these words.
  func keywords(_ words: [UTF8Text], at head: Head) -> KeywordCache.Known {
    known(head) { state in
      var known = KeywordCache.Known(totals: state.totals, lengths: state.lengths)
      for word in words { known.lists[word] = state.lists[word] }
      return known
    } ?? KeywordCache.Known()
  }

  /// Keeps what was read of words; all lists are forgotten when they become too many.
  func keep(_ keywords: KeywordCache.Known, at head: Head) {
    change(head) { state in
      state.totals = keywords.totals
      state.lengths = keywords.lengths
      for (word, postings) in keywords.lists where state.lists[word] == nil {
        let bytes = postings.count * MemoryLayout<Posting>.stride + word.bytes.count + 160
        guard bytes <= Self.listBytesMax / 4 else { continue }
        if state.listBytes + bytes > Self.listBytesMax { (state.lists, state.listBytes) = ([:], 0) }
        state.lists[word] = postings
        state.listBytes += bytes
      }
    }
  }
}
