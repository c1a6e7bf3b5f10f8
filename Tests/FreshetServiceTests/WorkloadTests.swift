import FreshetTestKit
import Testing

@testable import FreshetService

/// What is done next.
@Suite struct WorkloadTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func savedFilesComeBeforeListingsLoadsAndWholeSources() {
    var workload = Workload()
    workload.add(whole: "b")
    workload.add(load: [bytes("1"), bytes("2"), bytes("3")], of: "a")
    workload.survey("c")
    workload.add(files: [bytes("z"), bytes("y")], of: "a")
    #expect(workload.isUrgent && workload.waiting == 7 && workload.loading == 3)
    #expect(workload.next(freshSize: 64, loadSize: 2) == .fresh(["a": [bytes("y"), bytes("z")]]))
    #expect(workload.next(freshSize: 64, loadSize: 2) == .survey(source: "c"))
    #expect(workload.next(freshSize: 64, loadSize: 2) == .load(source: "a", [bytes("1"), bytes("2")]))
    #expect(workload.next(freshSize: 64, loadSize: 2) == .load(source: "a", [bytes("3")]))
    #expect(workload.next(freshSize: 64, loadSize: 2) == .whole(source: "b"))
    #expect(workload.next(freshSize: 64, loadSize: 2) == nil && workload.isEmpty)
  }

  @Test func whatWasStoppedComesFirstAgain() {
    var workload = Workload()
    workload.add(load: [bytes("1"), bytes("2"), bytes("3")], of: "a")
    let unit = workload.next(freshSize: 64, loadSize: 2)
    workload.putBack(unit ?? .survey(source: ""))
    #expect(workload.next(freshSize: 64, loadSize: 9) == .load(source: "a", [bytes("1"), bytes("2"), bytes("3")]))
    workload.putBack(.load(source: "a", [bytes("1")]))
    #expect(workload.next(freshSize: 64, loadSize: 9) == .load(source: "a", [bytes("1")]))
    workload.putBack(.fresh(["a": [bytes("1")]]))
    #expect(workload.next(freshSize: 64, loadSize: 9) == .fresh(["a": [bytes("1")]]))
  }

  @Test func aWholeSourceDoesWhatItsLoadWould() {
    var workload = Workload()
    workload.add(load: [bytes("1")], of: "a")
    workload.add(whole: "a")
    #expect(workload.next(freshSize: 64, loadSize: 9) == .whole(source: "a"))
    #expect(workload.isEmpty)
    workload.add(load: [bytes("1")], of: "a")
    workload.add(whole: "a", afterLoad: true)
    #expect(workload.next(freshSize: 64, loadSize: 9) == .load(source: "a", [bytes("1")]))
    #expect(workload.next(freshSize: 64, loadSize: 9) == .whole(source: "a"))
  }

  @Test func theRootOfASourceIsListed() {
    var workload = Workload()
    workload.add(files: [[], bytes("x")], of: "a")
    #expect(workload.next(freshSize: 64, loadSize: 1) == .fresh(["a": [bytes("x")]]))
    #expect(workload.next(freshSize: 64, loadSize: 1) == .survey(source: "a"))
  }

  @Test func theLastSavedFileComesFirstAndWhatSettledTogetherStaysTogether() {
    var workload = Workload()
    for number in 1...40 { workload.add(files: [bytes("f\(number)")], of: "a") }
    workload.add(files: [bytes("new"), bytes("old")], of: "a")
    #expect(workload.next(freshSize: 1, loadSize: 1) == .fresh(["a": [bytes("new"), bytes("old")]]))
    #expect(workload.next(freshSize: 2, loadSize: 1) == .fresh(["a": [bytes("f39"), bytes("f40")]]))
    // A rename's other end waits still: it comes with it.
    workload.add(files: [bytes("x"), bytes("y")], of: "a")
    workload.add(files: [bytes("z")], of: "b")
    workload.add(files: [bytes("y")], of: "a")
    #expect(workload.next(freshSize: 1, loadSize: 1) == .fresh(["a": [bytes("x"), bytes("y")]]))
  }

  @Test func foldersAndManyFilesAtOnceAreOvertakenBySavedFiles() {
    var workload = Workload()
    workload.add(files: [], folders: [bytes("tree")], of: "a")
    workload.add(files: (0...Workload.freshReleaseMax).map { bytes("m\($0)") }, of: "b")
    #expect(!workload.isUrgent)
    workload.add(files: [bytes("note")], of: "a")
    #expect(workload.isUrgent && workload.next(freshSize: 9, loadSize: 9) == .fresh(["a": [bytes("note")]]))
    #expect(workload.next(freshSize: 9, loadSize: 9) == .trees(source: "a", [bytes("tree")]))
    workload.add(found: [bytes("tree/1"), bytes("tree/2")], of: "a")
    workload.finished()
    guard case .trees("b", let many)? = workload.next(freshSize: 9, loadSize: 9) else {
      Issue.record("the files of b are listed too")
      return
    }
    #expect(many.count == Workload.freshReleaseMax + 1)
    workload.add(moved: [bytes("m1"), bytes("m2")], of: "b")
    workload.finished()
    workload.add(files: [bytes("tree/2")], of: "a")
    #expect(workload.next(freshSize: 9, loadSize: 1) == .fresh(["a": [bytes("tree/2")]]))
    #expect(workload.next(freshSize: 9, loadSize: 1) == .moved(source: "b", [bytes("m1"), bytes("m2")]))
    #expect(workload.next(freshSize: 9, loadSize: 1) == .load(source: "a", [bytes("tree/1")]))
  }

  @Test func aFileOfATreeThatIsToBeListedWaitsForTheListing() {
    var workload = Workload()
    workload.add(files: [bytes("tree/1"), bytes("else")], of: "a")
    workload.add(files: [], folders: [bytes("tree"), bytes("old")], of: "a")
    #expect(!workload.isUrgent)
    workload.add(files: [bytes("tree/deep/2")], of: "a")
    #expect(!workload.isUrgent)
    let paths = ["else", "old", "tree", "tree/1", "tree/deep/2"].map(bytes)
    #expect(workload.next(freshSize: 9, loadSize: 9) == .trees(source: "a", paths))
    // It may have been listed already.
    workload.add(files: [bytes("tree/3")], of: "a")
    #expect(!workload.isUrgent)
    workload.finished()
    workload.add(files: [bytes("tree/4"), bytes("trees")], of: "a")
    #expect(workload.isUrgent, "only what waits is waited for")
  }

  @Test func whatWaitsLongestIsListedWhenTooManyFilesWait() {
    var workload = Workload()
    for number in 0...Workload.freshMax { workload.add(files: [bytes("f\(number)")], of: "a") }
    var taken = 0
    while case .fresh(let paths)? = workload.next(freshSize: 100, loadSize: 1) { taken += paths["a"]?.count ?? 0 }
    #expect(taken == Workload.freshMax && workload.isEmpty)
  }

  @Test(arguments: 1...20) func everyPathThatWasAddedIsTakenOut(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    var workload = Workload()
    var open: Set<String> = []
    for _ in 0..<200 {
      let source = "s\(Int.random(in: 0..<3, using: &random))"
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        let paths = (0..<Int.random(in: 1...2_000, using: &random)).map { "p\($0)" }
        workload.add(files: paths.map(bytes), of: source)
        open.formUnion(paths.map { source + $0 })
      case 1:
        let path = "again\(Int.random(in: 0..<50, using: &random))"
        workload.add(again: bytes(path), of: source)
        open.insert(source + path)
      default:
        guard let unit = workload.next(freshSize: 64, loadSize: Int.random(in: 1...5, using: &random)) else { continue }
        if Bool.random(using: &random) {
          workload.putBack(unit)
        } else {
          take(unit, from: &open)
        }
      }
    }
    while let unit = workload.next(freshSize: 64, loadSize: 64) { take(unit, from: &open) }
    #expect(open.isEmpty && workload.isEmpty && workload.waiting == 0)
  }

  private func take(_ unit: Workload.Unit, from open: inout Set<String>) {
    switch unit {
    case .fresh(let paths):
      for (source, paths) in paths { for path in paths { open.remove(source + String(decoding: path, as: UTF8.self)) } }
    case .load(let source, let paths), .trees(let source, let paths), .moved(let source, let paths):
      for path in paths { open.remove(source + String(decoding: path, as: UTF8.self)) }
    case .whole, .survey, .everything, .vectors: break
    }
  }

  @Test func aLoadTakesUpWhatFitsIntoItsTime() {
    var pace = LoadPace()
    for _ in 0..<10 { pace.took(.milliseconds(pace.size), files: pace.size) }
    #expect(pace.size == 250)
    pace.took(.seconds(10), files: 250)
    #expect(pace.size == 6)
    pace.took(.seconds(100), files: 1)
    #expect(pace.size == 1)
    for _ in 0..<20 { pace.took(.nanoseconds(1), files: pace.size) }
    #expect(pace.size == LoadPace.most)
  }
}
