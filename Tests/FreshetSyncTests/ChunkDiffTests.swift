import FreshetModel
import FreshetSync
import FreshetSystem
import FreshetTestKit
import Testing

/// What became of chunks between two editions.
@Suite struct ChunkDiffTests {
  /// Chunks of a document whose passages are these, with identities as the engine gives them: by passage and occurrence.
  private func chunks(_ passages: [PassageID]) -> [ChunkRecord] {
    var occurrences: [PassageID: UInt8] = [:]
    return passages.enumerated().map { place, passage in
      let occurrence = occurrences[passage, default: 0]
      occurrences[passage] = occurrence + 1
      let identity = SHA256.digest(of: Array("\(passage)".utf8) + [0, occurrence])
      return ChunkRecord(id: ChunkID(digest: identity), passage: passage, start: place * 10, end: place * 10 + 9)
    }
  }

  private func states(_ old: [PassageID], _ new: [PassageID]) -> [String] {
    ChunkDiff(from: chunks(old), to: chunks(new)).entries.map { "\($0.state.rawValue) \($0.passage)" }
  }

  @Test func whatStaysInOrderIsKeptAndTheRestMoved() {
    #expect(states([1, 2, 3], [1, 2, 3]) == ["kept 1", "kept 2", "kept 3"])
    #expect(states([1, 2, 3], [1, 4, 3]) == ["kept 1", "added 4", "removed 2", "kept 3"])
    #expect(states([1, 2, 3, 4], [4, 1, 2, 3]) == ["moved 4", "kept 1", "kept 2", "kept 3"])
    #expect(states([], [1]) == ["added 1"])
    #expect(states([1, 2], []) == ["removed 1", "removed 2"])
    #expect(states([1, 1, 2], [1, 2]) == ["kept 1", "removed 1", "kept 2"])
  }

  @Test func chunksOfOtherIdentitiesArePairedByTheirPassage() {
    var old = chunks([1, 2])
    old[1].id = ChunkID(digest: .zero)
    #expect(ChunkDiff(from: old, to: chunks([1, 2])).entries.map(\.state) == [.kept, .kept])
  }

  @Test func everyChunkIsToldOnceAndKeptOnesAreInOrder() {
    for seed in Campaign.seeds(default: Array(1...200)) {
      var random = SeededRandom(seed: seed)
      func passages() -> [PassageID] {
        (0..<Int.random(in: 0...20, using: &random)).map { _ in PassageID.random(in: 1...15, using: &random) }
      }
      let (old, new) = (passages(), passages())
      let diff = ChunkDiff(from: chunks(old), to: chunks(new))
      let (kept, moved) = (diff.count(.kept), diff.count(.moved))
      #expect(kept + moved + diff.count(.added) == new.count, "seed \(seed)")
      #expect(kept + moved + diff.count(.removed) == old.count, "seed \(seed)")
      #expect(diff.entries.compactMap(\.to) == Array(new.indices), "seed \(seed)")
      #expect(diff.entries.compactMap(\.from).sorted() == Array(old.indices), "seed \(seed)")
      let stays = diff.entries.filter { $0.state == .kept }.compactMap(\.from)
      #expect(zip(stays, stays.dropFirst()).allSatisfy { $0 < $1 }, "seed \(seed)")
      #expect(diff.entries.allSatisfy { entry in entry.from.map { old[$0] == entry.passage } ?? true }, "seed \(seed)")
      if kept + moved > 0 { #expect(kept > 0, "seed \(seed)") }
    }
  }
}
