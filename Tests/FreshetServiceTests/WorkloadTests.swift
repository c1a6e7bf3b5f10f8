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
    workload.add(fresh: [bytes("z"), bytes("y")], of: "a")
    #expect(workload.isUrgent && workload.waiting == 7 && workload.loading == 3)
    #expect(workload.next(loadSize: 2) == .fresh(["a": [bytes("y"), bytes("z")]]))
    #expect(workload.next(loadSize: 2) == .survey(source: "c"))
    #expect(workload.next(loadSize: 2) == .load(source: "a", [bytes("1"), bytes("2")]))
    #expect(workload.next(loadSize: 2) == .load(source: "a", [bytes("3")]))
    #expect(workload.next(loadSize: 2) == .whole(source: "b"))
    #expect(workload.next(loadSize: 2) == nil && workload.isEmpty)
  }

  @Test func whatWasStoppedComesFirstAgain() {
    var workload = Workload()
    workload.add(load: [bytes("1"), bytes("2"), bytes("3")], of: "a")
    let unit = workload.next(loadSize: 2)
    workload.putBack(unit ?? .survey(source: ""))
    #expect(workload.next(loadSize: 9) == .load(source: "a", [bytes("1"), bytes("2"), bytes("3")]))
    workload.putBack(.load(source: "a", [bytes("1")]))
    #expect(workload.next(loadSize: 9) == .load(source: "a", [bytes("1")]))
    workload.putBack(.fresh(["a": [bytes("1")]]))
    #expect(workload.next(loadSize: 9) == .fresh(["a": [bytes("1")]]))
  }

  @Test func aWholeSourceDoesWhatItsLoadWould() {
    var workload = Workload()
    workload.add(load: [bytes("1")], of: "a")
    workload.add(whole: "a")
    #expect(workload.next(loadSize: 9) == .whole(source: "a"))
    #expect(workload.isEmpty)
    workload.add(load: [bytes("1")], of: "a")
    workload.add(whole: "a", afterLoad: true)
    #expect(workload.next(loadSize: 9) == .load(source: "a", [bytes("1")]))
    #expect(workload.next(loadSize: 9) == .whole(source: "a"))
  }

  @Test func theRootOfASourceIsListed() {
    var workload = Workload()
    workload.add(fresh: [[], bytes("x")], of: "a")
    #expect(workload.next(loadSize: 1) == .fresh(["a": [bytes("x")]]))
    #expect(workload.next(loadSize: 1) == .survey(source: "a"))
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
        workload.add(fresh: paths.map(bytes), of: source)
        open.formUnion(paths.map { source + $0 })
      case 1:
        let path = "again\(Int.random(in: 0..<50, using: &random))"
        workload.add(again: bytes(path), of: source)
        open.insert(source + path)
      default:
        guard let unit = workload.next(loadSize: Int.random(in: 1...5, using: &random)) else { continue }
        if Bool.random(using: &random) {
          workload.putBack(unit)
        } else {
          take(unit, from: &open)
        }
      }
    }
    while let unit = workload.next(loadSize: 64) { take(unit, from: &open) }
    #expect(open.isEmpty && workload.isEmpty && workload.waiting == 0)
  }

  private func take(_ unit: Workload.Unit, from open: inout Set<String>) {
    switch unit {
    case .fresh(let paths):
      #expect(paths.values.reduce(0) { $0 + $1.count } <= Workload.freshMax)
      for (source, paths) in paths { for path in paths { open.remove(source + String(decoding: path, as: UTF8.self)) } }
    case .load(let source, let paths):
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
