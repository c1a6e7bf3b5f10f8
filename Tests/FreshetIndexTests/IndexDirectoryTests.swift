import FreshetIndex
import FreshetModel
import FreshetTestKit
import Synchronization
import Testing

@Suite struct IndexDirectoryTests {
  private let temporary: TemporaryDirectory
  private var path: String { temporary.path + "/index" }

  init() throws {
    temporary = try TemporaryDirectory()
  }

  private func directory(_ change: (inout IndexSettings) -> Void = { _ in }) -> IndexDirectory {
    var settings = IndexSettings()
    change(&settings)
    return IndexDirectory(path: path, settings: settings, now: { Timestamp(nanoseconds: 42) })
  }

  private func collection(_ count: Int, seed: UInt64 = 5) -> SampleCollection {
    var random = SeededRandom(seed: seed)
    var collection = SampleCollection(dimension: 16)
    if count > 0 { collection.commitNew(count, using: &random) }
    return collection
  }

  // MARK: The rebuild rule

  @Test(arguments: [
    (add: 199, remove: 0, rebuilds: false), (add: 100, remove: 99, rebuilds: false),
    (add: 200, remove: 0, rebuilds: true), (add: 120, remove: 80, rebuilds: true),
    (add: 0, remove: 200, rebuilds: true),
  ])
  func indexIsRebuiltWhenAFifthChanged(add: Int, remove: Int, rebuilds: Bool) throws {
    var random = SeededRandom(seed: 3)
    var collection = collection(1000)
    try directory().update(collection.feed)
    collection.commit(remove: (0..<remove).map { PassageID($0 + 1) })
    collection.commitNew(add, using: &random)
    let update = try directory().update(collection.feed)
    #expect(
      update == (rebuilds ? .rebuilt(.threshold, live: 1000 + add - remove) : .appended(added: add, removed: remove))
    )
    #expect(try holdsExactly(directory(), collection))
  }

  @Test func changesAddUpOverUpdatesUntilTheThreshold() throws {
    var random = SeededRandom(seed: 3)
    var collection = collection(1000)
    try directory().update(collection.feed)
    for round in 1...4 {
      collection.commitNew(40, using: &random)
      #expect(try directory().update(collection.feed) == .appended(added: 40, removed: 0))
      #expect(directory().statistics()?.changedRatio == 0.04 * Double(round))
    }
    collection.commitNew(40, using: &random)
    #expect(try directory().update(collection.feed) == .rebuilt(.threshold, live: 1200))
    let statistics = try #require(directory().statistics())
    #expect(statistics.liveAtBuild == 1200 && statistics.changedRatio == 0 && statistics.deltaFiles == 0)
    #expect(statistics.hasBackup && statistics.builtAt == Timestamp(nanoseconds: 42))
  }

  @Test func anEmptyBaseIsAlwaysRebuilt() throws {
    var random = SeededRandom(seed: 3)
    var collection = collection(0)
    #expect(try directory { $0.rebuildThreshold = 1000 }.update(collection.feed) == .rebuilt(.missing, live: 0))
    collection.commitNew(1, using: &random)
    #expect(try directory { $0.rebuildThreshold = 1000 }.update(collection.feed) == .rebuilt(.threshold, live: 1))
    #expect(try holdsExactly(directory(), collection))
  }

  @Test func nothingIsWrittenWhenNothingChanged() throws {
    var collection = collection(100)
    try directory().update(collection.feed)
    let before = try Folder.contents(path)
    #expect(try directory().update(collection.feed) == .unchanged)
    #expect(try Folder.contents(path) == before)
    collection.commit()
    #expect(try directory().update(collection.feed) == .advanced)
    #expect(directory().statistics()?.position == collection.feed.position)
    #expect(directory().statistics()?.deltaFiles == 0)
  }

  @Test func manyDeltasAreMergedIntoOne() throws {
    var random = SeededRandom(seed: 3)
    var collection = collection(1000)
    let directory = directory {
      $0.rebuildThreshold = 10
      $0.maximumDeltaFiles = 4
    }
    try directory.update(collection.feed)
    for round in 0..<11 {
      collection.commitNew(5, using: &random)
      collection.commit(remove: [PassageID(round * 3 + 1), PassageID(1000 + round)])
      collection.commit(add: [PassageID(900 + round): [Float](repeating: 0.25, count: 16)])
      try directory.update(collection.feed)
      #expect((directory.statistics()?.deltaFiles ?? 99) <= 4)
      #expect(try holdsExactly(directory, collection))
    }
  }

  @Test func backendFollowsTheSettings() throws {
    let collection = collection(300)
    #expect(try directory().update(collection.feed) == .rebuilt(.missing, live: 300))
    #expect(directory().statistics()?.backend == .exact)
    #expect(try directory { $0.backend = .hnsw }.update(collection.feed) == .rebuilt(.backend, live: 300))
    #expect(directory().statistics()?.backend == .hnsw)
    #expect(try directory().update(collection.feed) == .unchanged)
    try directory { $0.exactLimit = 299 }.rebuild(collection.feed)
    #expect(directory().statistics()?.backend == .hnsw)
    try directory { $0.exactLimit = 300 }.rebuild(collection.feed)
    #expect(directory().statistics()?.backend == .exact)
    #expect(try holdsExactly(directory(), collection))
  }

  // MARK: Backup

  @Test func backupIsRestoredAndReplayedToThePresent() throws {
    var random = SeededRandom(seed: 3)
    var collection = collection(500)
    #expect(throws: FreshetError.self) { try directory().restoreBackup() }
    try directory().update(collection.feed)
    #expect(throws: FreshetError.self) { try directory().restoreBackup() }
    let first = collection.feed.position
    collection.commitNew(300, using: &random)
    collection.commit(remove: [1, 2, 3])
    try directory().update(collection.feed)
    try directory().restoreBackup()
    #expect(directory().statistics()?.position == first)
    #expect(directory().statistics()?.liveAtBuild == 500)
    #expect(try holdsExactly(directory(), collection))
    try directory().restoreBackup()
    #expect(directory().statistics()?.liveAtBuild == 797)
    #expect(try holdsExactly(directory(), collection))
  }

  @Test func aDamagedBackupIsNotRestored() throws {
    var random = SeededRandom(seed: 3)
    var collection = collection(500)
    try directory().update(collection.feed)
    let old = try #require(try Folder.contents(path).keys.first { $0.hasPrefix("base-") })
    collection.commitNew(300, using: &random)
    try directory().update(collection.feed)
    try Folder.flip(path + "/" + old, byte: 9000, bit: 3)
    let before = try Folder.contents(path)
    #expect(throws: FreshetError.self) { try directory().restoreBackup() }
    #expect(try Folder.contents(path) == before)
  }

  // MARK: Recovery

  @Test func aLostTailOfTheLogRebuilds() throws {
    var random = SeededRandom(seed: 3)
    var collection = collection(100)
    let earlier = collection
    collection.commitNew(5, using: &random)
    try directory().update(collection.feed)
    collection.loseTail(1, state: earlier)
    #expect(try holdsExactly(directory(), collection))
    collection.commitNew(7, using: &random)
    collection.commitNew(7, using: &random)
    #expect(try holdsExactly(directory(), collection))
    #expect(try directory().update(collection.feed) == .rebuilt(.ahead, live: 114))
    #expect(try holdsExactly(directory(), collection))
  }

  @Test func anIndexOfAnotherCollectionEpochOrModelIsIgnored() throws {
    var collection = collection(100)
    try directory().update(collection.feed)
    var others = [collection, collection, collection]
    others[0].id = .random()
    others[1].epoch = .random()
    others[2].model = "sample/2"
    for other in others {
      #expect(try holdsExactly(directory(), other))
      #expect(try directory().update(other.feed) == .rebuilt(.foreign, live: 100))
      try directory().rebuild(collection.feed)
    }
    collection = self.collection(50, seed: 9)
    #expect(try directory().update(collection.feed) == .rebuilt(.foreign, live: 50))
  }

  @Test(arguments: IndexBackend.allCases)
  func damageIsDetectedWhereverItIs(backend: IndexBackend) throws {
    var random = printedRandom()
    var collection = collection(600)
    let directory = directory {
      $0.backend = IndexSettings.Choice(rawValue: backend.rawValue) ?? .exact
      $0.parameters = Backends.parameters
      $0.rebuildThreshold = 10
    }
    try directory.update(collection.feed)
    collection.commitNew(20, using: &random)
    collection.commit(remove: [4, 5])
    try directory.update(collection.feed)
    let whole = try answers(directory.open(collection.feed, mode: .mapped).index)
    for (name, bytes) in try Folder.contents(path) {
      let file = path + "/" + name
      for offset in stride(from: 0, to: bytes.count, by: 4096) {
        let byte = min(offset + Int.random(in: 0..<4096, using: &random), bytes.count - 1)
        try Folder.flip(file, byte: byte, bit: Int.random(in: 0..<8, using: &random))
        #expect(directory.load(mode: .mapped) == nil, "\(name) with a flipped bit in byte \(byte)")
        #expect(directory.load(mode: .inMemory) == nil)
        #expect(try answers(directory.open(collection.feed, mode: .mapped).index) == whole)
        try Folder.write(Array(bytes[..<offset]), to: file)
        #expect(directory.load(mode: .mapped) == nil, "\(name) cut to \(offset) bytes")
        try Folder.write(bytes + [0], to: file)
        #expect(directory.load(mode: .inMemory) == nil, "\(name) with a byte too many")
        try Folder.write(bytes, to: file)
      }
      Folder.remove(file)
      #expect(directory.load(mode: .mapped) == nil, "\(name) is missing")
      #expect(try holdsExactly(directory, collection))
      try Folder.write(bytes, to: file)
    }
    #expect(directory.load(mode: .mapped) != nil)
    let delta = try #require(try Folder.contents(path).keys.first { $0.hasPrefix("delta-") })
    try Folder.flip(path + "/" + delta, byte: 4100, bit: 0)
    #expect(try directory.update(collection.feed) == .rebuilt(.damaged, live: 618))
    #expect(try holdsExactly(directory, collection))
  }

  @Test func everyInstantOfAnUpdateLeavesAWholeIndex() throws {
    var random = printedRandom()
    var collection = collection(200)
    let reached = Mutex<[String]>([])
    let copies = temporary.path
    let source = path
    var settings = IndexSettings()
    settings.maximumDeltaFiles = 2
    let directory = IndexDirectory(
      path: path,
      settings: settings,
      reached: { name in
        let number = reached.withLock {
          $0.append(name)
          return $0.count
        }
        // What a process killed here would leave.
        try? Folder.copy(source, to: copies + "/crash-\(number)")
      }
    )
    var checked = 0
    for _ in 0..<14 {
      collection.commitNew(Int.random(in: 0...30, using: &random), using: &random)
      let live = collection.vectors.keys.sorted()
      collection.commit(remove: Array(live.shuffled(using: &random).prefix(8)))
      try directory.update(collection.feed)
      for number in checked + 1...reached.withLock({ $0.count }) {
        let crashed = IndexDirectory(path: copies + "/crash-\(number)", settings: settings)
        #expect(try holdsExactly(crashed, collection), "after \(reached.withLock { $0[number - 1] })")
        try Folder.write([1, 2, 3], to: crashed.path + "/.manifest.77.123.new")
        collection.commitNew(1, using: &random)
        try crashed.update(collection.feed)
        #expect(try holdsExactly(crashed, collection))
        let names = try Folder.contents(crashed.path).keys
        #expect(!names.contains { $0.hasPrefix(".") })
        #expect(names.filter { $0.hasPrefix("base-") }.count <= 2)
        checked = number
      }
    }
    let names = Set(reached.withLock { $0 })
    #expect(names == ["index-delta-written", "index-base-written", "index-manifest-replaced", "index-swept"])
  }

  @Test func openIndexesGoOnWhileTheirFilesAreReplaced() throws {
    var random = SeededRandom(seed: 3)
    var collection = collection(500)
    try directory().update(collection.feed)
    let view = try directory().open(collection.feed, mode: .mapped)
    let before = try answers(view.index)
    for _ in 0..<4 {
      collection.commitNew(400, using: &random)
      try directory().update(collection.feed)
      #expect(try answers(view.index) == before)
    }
    let advanced = try view.advanced(to: collection.feed, settings: IndexSettings())
    #expect(advanced.index.count == 2100 && view.index.count == 500)
    #expect(try answers(view.index) == before)
  }
}
