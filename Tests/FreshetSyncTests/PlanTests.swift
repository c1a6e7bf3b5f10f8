import FreshetModel
import FreshetSync
import FreshetTestKit
import Testing

@Suite struct PlannerTests {
  private static let hash = ContentHash.zero
  private static let other = ContentHash(bytes: [UInt8](repeating: 7, count: 32)) ?? .zero

  private static func document(
    _ hash: ContentHash = hash,
    pipeline: String = "p",
    state: DocumentState = .live,
    edition: EditionState = .complete
  ) -> DocumentRecord {
    DocumentRecord(
      id: DocumentID(high: 1, low: 2),
      source: 1,
      sourceName: "docs",
      itemPath: Array("a.txt".utf8),
      origin: "a.txt",
      state: state,
      version: 1,
      contentHash: hash,
      size: 3,
      title: "a",
      metadata: [:],
      pipeline: pipeline,
      parser: "t",
      editionState: edition,
      chunkCount: 1,
      fileModified: .epoch,
      createdAt: .epoch,
      updatedAt: .epoch
    )
  }

  private func decide(
    live: DocumentRecord? = nil,
    deleted: DocumentRecord? = nil,
    elsewhere: Bool = false,
    size: Int64 = 3,
    finished: Bool = false,
    force: Bool = false
  ) -> Planner.Decision {
    Planner.decide(
      Planner.Observation(contentHash: Self.hash, size: size, pipeline: "p"),
      knowing: Planner.Knowledge(live: live, deleted: deleted, contentIsLiveElsewhere: elsewhere),
      listingFinished: finished,
      force: force
    )
  }

  @Test func aNewOriginWithNewContentIsCreated() {
    #expect(decide() == .create)
  }

  @Test func aKnownOriginWithOtherContentIsModified() {
    let live = Self.document(Self.other)
    #expect(decide(live: live) == .modify(live))
    #expect(decide(live: live, elsewhere: true) == .modify(live))
  }

  @Test func aKnownOriginWithTheSameContentIsKept() {
    let live = Self.document()
    #expect(decide(live: live) == .keep(live, refresh: false))
  }

  @Test func whatMadeAnEditionDecidesWhetherItIsRefreshed() {
    let stale = Self.document(pipeline: "older")
    #expect(decide(live: stale) == .keep(stale, refresh: true))
    let awaiting = Self.document(edition: .awaitingVectors)
    #expect(decide(live: awaiting) == .keep(awaiting, refresh: true))
    let live = Self.document()
    #expect(decide(live: live, force: true) == .keep(live, refresh: true))
  }

  @Test func contentThatIsLiveElsewhereWaitsForTheEndOfAllListings() {
    #expect(decide(elsewhere: true) == .awaitEndOfListing)
    #expect(decide(elsewhere: true, finished: true) == .create)
    let deleted = Self.document(state: .deleted)
    #expect(decide(deleted: deleted, elsewhere: true) == .awaitEndOfListing)
    #expect(decide(deleted: deleted, elsewhere: true, finished: true) == .restore(deleted))
  }

  @Test func emptyContentNeverWaits() {
    #expect(decide(elsewhere: true, size: 0) == .create)
  }

  @Test func aDeletedOriginThatReappearsIsRestored() {
    let deleted = Self.document(Self.other, state: .deleted)
    #expect(decide(deleted: deleted) == .restore(deleted))
  }
}

@Suite struct DeletionGuardTests {
  private func verdict(
    _ deletions: [DeletionReason: Int],
    live: Int,
    isEmpty: Bool = false,
    recent: Int = 0,
    allow: Bool = false
  ) -> HeldDeletions? {
    DeletionGuard(allowMassDelete: allow).verdict(
      .init(source: "docs", live: live, isEmpty: isEmpty, recent: recent, deletions: deletions)
    )
  }

  @Test func smallNumbersAreNeverHeldForTheirShare() {
    #expect(verdict([.vanished: 20], live: 20) == nil)
    #expect(verdict([.vanished: 21], live: 21) != nil)
  }

  @Test func theShareDecidesAboveThat() {
    #expect(verdict([.vanished: 30], live: 100) == nil)
    #expect(verdict([.vanished: 31], live: 100)?.count == 31)
    #expect(verdict([.vanished: 16, .memberRemoved: 15], live: 100)?.count == 31)
  }

  @Test func anEmptySourceIsHeldWhateverItsSize() {
    #expect(verdict([.vanished: 1], live: 1, isEmpty: true) != nil)
    #expect(verdict([.vanished: 1], live: 1) == nil)
    #expect(verdict([.sourceRemoved: 5], live: 5, isEmpty: true) == nil)
  }

  @Test func recentDeletionsCountWithThoseOfNow() {
    #expect(verdict([.vanished: 1], live: 31, recent: 19) == nil)
    let held = verdict([.vanished: 1], live: 30, recent: 20)
    #expect(held?.count == 1)
    #expect(held?.sentence.hasPrefix("1 more would make 21 of 50 documents that are gone within 10 min") == true)
    #expect(verdict([.vanished: 1], live: 100, recent: 20) == nil)
  }

  @Test func eachReasonHasItsOwnSentence() {
    let sentences = [DeletionReason.vanished, .outOfScope, .sourceRemoved].compactMap {
      verdict([$0: 50], live: 60)?.sentence
    }
    #expect(Set(sentences).count == 3)
    #expect(sentences.allSatisfy { $0.contains("--allow-mass-delete") && $0.contains("50") })
  }

  @Test func whoAllowsItGetsIt() {
    #expect(verdict([.vanished: 50], live: 50, isEmpty: true, recent: 9, allow: true) == nil)
  }
}

@Suite struct RenamePairingTests {
  private func candidate(_ path: String, _ content: UInt8, inode: UInt64 = 0, source: SourceID = 1, size: Int64 = 5)
    -> RenamePairing.Candidate
  {
    RenamePairing.Candidate(
      source: source,
      path: Array(path.utf8),
      fingerprint: ItemFingerprint(device: 1, inode: inode, size: size, modified: 0, changed: 0),
      contentHash: ContentHash(bytes: [UInt8](repeating: content, count: 32)) ?? .zero,
      size: size
    )
  }

  private func pairs(_ gone: [RenamePairing.Candidate], _ came: [RenamePairing.Candidate]) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: RenamePairing.pairs(vanished: gone, appeared: came).map {
        (
          String(decoding: gone[$0.vanished].path, as: UTF8.self),
          String(decoding: came[$0.appeared].path, as: UTF8.self)
        )
      }
    )
  }

  @Test func theInodeComesFirst() {
    let pairs = pairs(
      [candidate("a/x.txt", 1, inode: 10)],
      [candidate("b/x.txt", 1, inode: 11), candidate("z.txt", 1, inode: 10)]
    )
    #expect(pairs == ["a/x.txt": "z.txt"])
  }

  @Test func anInodeAloneIsNoRename() {
    #expect(pairs([candidate("a.txt", 1, inode: 10)], [candidate("b.txt", 2, inode: 10)]).isEmpty)
  }

  @Test func theFileNameComesBeforeTheSuffix() {
    let pairs = pairs([candidate("a/x.txt", 1)], [candidate("a/yx.txt", 1), candidate("q/x.txt", 1)])
    #expect(pairs == ["a/x.txt": "q/x.txt"])
  }

  @Test func theLongestSuffixThenTheOrderDecide() {
    let pairs = pairs(
      [candidate("old/a/x.txt", 1), candidate("old/b/x.txt", 1)],
      [candidate("new/b/x.txt", 1), candidate("new/a/x.txt", 1)]
    )
    #expect(pairs == ["old/a/x.txt": "new/a/x.txt", "old/b/x.txt": "new/b/x.txt"])
    #expect(
      self.pairs([candidate("1", 1), candidate("2", 1)], [candidate("4", 1), candidate("3", 1)]) == [
        "1": "3", "2": "4",
      ]
    )
  }

  @Test func emptyContentsNeverPair() {
    #expect(pairs([candidate("a", 1, size: 0)], [candidate("b", 1, size: 0)]).isEmpty)
  }

  @Test(arguments: [11, 12, 13] as [UInt64]) func asManyArePairedAsCanBeWithinEqualContent(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<200 {
      var gone: [RenamePairing.Candidate] = []
      var came: [RenamePairing.Candidate] = []
      for index in 0..<Int.random(in: 0...12, using: &random) {
        gone.append(
          candidate(
            "g\(index)/n\(Int.random(in: 0...3, using: &random))",
            UInt8.random(in: 0...3, using: &random),
            inode: UInt64.random(in: 0...5, using: &random)
          )
        )
      }
      for index in 0..<Int.random(in: 0...12, using: &random) {
        came.append(
          candidate(
            "c\(index)/n\(Int.random(in: 0...3, using: &random))",
            UInt8.random(in: 0...3, using: &random),
            inode: UInt64.random(in: 0...5, using: &random)
          )
        )
      }
      let pairs = RenamePairing.pairs(vanished: gone, appeared: came)
      #expect(Set(pairs.map(\.vanished)).count == pairs.count, "seed \(seed)")
      #expect(Set(pairs.map(\.appeared)).count == pairs.count, "seed \(seed)")
      #expect(pairs.allSatisfy { gone[$0.vanished].contentHash == came[$0.appeared].contentHash }, "seed \(seed)")
      var expected = 0
      for content in Set(gone.map(\.contentHash)) {
        expected += min(gone.count { $0.contentHash == content }, came.count { $0.contentHash == content })
      }
      #expect(pairs.count == expected, "seed \(seed)")
      // The order in which candidates come does not matter.
      let shuffled = came.indices.shuffled(using: &random)
      let again = RenamePairing.pairs(vanished: gone, appeared: shuffled.map { came[$0] })
      #expect(
        again.map { [$0.vanished, shuffled[$0.appeared]] } == pairs.map { [$0.vanished, $0.appeared] }
          || hasEqualInodes(came),
        "seed \(seed)"
      )
    }
  }

  /// Two links to one file are told apart by nothing.
  private func hasEqualInodes(_ candidates: [RenamePairing.Candidate]) -> Bool {
    let inodes = candidates.compactMap(\.fingerprint).filter { $0.inode != 0 }.map(\.inode)
    return Set(inodes).count < inodes.count
  }
}
