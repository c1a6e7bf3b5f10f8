import FreshetModel
import FreshetSources
import FreshetSystem
import FreshetTestKit
import Glibc
import Testing

/// What is released of which events: the cases are data files.
@Suite struct CoalescerTests {
  static let folder = Fixtures.folder + "/watch"
  static let cases =
    (try? FileSystem.names(in: folder).map { String(decoding: $0, as: UTF8.self) }.sorted()) ?? []

  @Test func aFileThatNeverRestsIsLeftAloneOnlyUntilItsLimit() {
    let options = WatchOptions()
    var coalescer = WatchCoalescer(source: "docs", options: options)
    let path = Array("log.txt".utf8)
    var now = Duration.zero
    var isReleased = false
    while !isReleased, now < options.holdLimit * 2 {
      coalescer.receive(.modified(path), at: now)
      if coalescer.unsettled != [path] { Issue.record("not held at \(now)") }
      now += .milliseconds(20)
      var outcome = coalescer.take(at: now)
      if !outcome.questions.isEmpty {
        coalescer.receive(.writers(path, .some), at: now)
        outcome = coalescer.take(at: now)
      }
      isReleased = outcome.release?.files == [path]
    }
    #expect(isReleased && now >= options.holdLimit)
    // It was released as it is: whoever lists it may read it so, until it is closed once.
    coalescer.receive(.modified(path), at: now)
    #expect(coalescer.pendingCount == 1 && coalescer.unsettled.isEmpty)
    coalescer.receive(.closed(path), at: now)
    coalescer.receive(.modified(path), at: now)
    #expect(coalescer.unsettled == [path])
  }

  @Test func casesAreThere() {
    #expect(Self.cases.count > 25)
  }

  /// `FRESHET_UPDATE_SNAPSHOTS=1` writes what is released into the files of the sources, to be read.
  @Test(arguments: cases) func releasesWhatTheCaseSays(_ name: String) throws {
    let text = String(decoding: try FileSystem.read(Self.folder + "/" + name), as: UTF8.self)
    let recorded = try CoalescerCase(text)
    let released = recorded.play()
    if getenv("FRESHET_UPDATE_SNAPSHOTS") != nil {
      let lines = recorded.given + released
      let file = FileSystem.split(#filePath).folder + "/../Fixtures/watch/" + name
      try FileSystem.replace(file, with: Array((lines.joined(separator: "\n") + "\n").utf8))
    } else {
      #expect(released == recorded.expected, "\(name)")
    }
  }

  /// Random events: every path that was touched is released after its last event and within the limits, the two ends of a
  /// rename together, and never too many wait.
  @Test(arguments: 1...24 as ClosedRange<UInt64>) func everyTouchedPathIsReleasedWithinTheLimits(_ seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var model = CoalescerModel(paths: seed % 3 == 0 ? 6 : 1_000)
    let count = 3_000
    for _ in 0..<count {
      model.wait(Duration.microseconds(Int64.random(in: 0...(seed % 2 == 0 ? 2_000 : 60_000), using: &random)))
      model.receive(CoalescerModel.event(&random), &random)
    }
    model.drain(&random)
    #expect(model.failures.isEmpty, "seed \(seed): \(model.failures.prefix(3))")
    #expect(model.releases > 1)
  }
}

/// Where the test data lies.
enum Fixtures {
  static let folder = FileSystem.split(#filePath).folder + "/../Fixtures"
}
