import Foundation
import FreshetModel
import FreshetSync
import FreshetSystem
import FreshetTestKit
import Testing

/// The difference of two texts: exact for any bytes, as short as GNU diff's, in bounded time.
@Suite struct TextDiffTests {
  @Test(arguments: [
    ("", ""), ("a\n", "a\n"), ("", "a\n"), ("a\n", ""), ("", "a"), ("a", ""), ("a", "a\n"), ("a\n", "a"),
    ("a\nb", "a\nb\nc"), ("a\r\nb\r\n", "a\nb\n"), ("a\r\nb\r\n", "a\r\nc\r\n"), ("\n\n\n", "\n\n"), ("\n", "\r\n"),
    ("a\u{0}b\n", "a\u{0}c\n"), ("a\rb\rc", "a\rb\rd"), ("b\n", "a\nb\n"), ("one\ntwo\n", "two\none\n"),
  ])
  func theUnifiedFormMakesTheOneTextTheOther(old: String, new: String) throws {
    let diff = TextDiff(from: Array(old.utf8), to: Array(new.utf8))
    let unified = diff.unified(oldLabel: "old", newLabel: "new")
    #expect(unified.isEmpty == (old == new))
    #expect(try UnifiedPatch(unified).applied(to: Array(old.utf8)) == Array(new.utf8))
    let back = TextDiff(from: Array(new.utf8), to: Array(old.utf8))
    #expect((diff.additions, diff.deletions) == (back.deletions, back.additions))
  }

  @Test func changesStandWithTheirSurroundings() {
    let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n"
    let new = "a\nb\nc\nd\nE\nf\ng\nh\ni\nj\nk\n"
    let diff = TextDiff(from: Array(old.utf8), to: Array(new.utf8))
    #expect(diff.changes == [.init(old: 4..<5, new: 4..<5), .init(old: 10..<10, new: 10..<11)])
    #expect((diff.additions, diff.deletions) == (2, 1))
    func unified(_ context: Int) -> String {
      String(decoding: diff.unified(oldLabel: "x\ty", newLabel: "z\nw", context: context), as: UTF8.self)
    }
    #expect(
      unified(1)
        == "--- x y\n+++ z w\n@@ -4,3 +4,3 @@\n d\n-e\n+E\n f\n@@ -10 +10,2 @@\n j\n+k\n"
    )
    #expect(unified(0) == "--- x y\n+++ z w\n@@ -5 +5 @@\n-e\n+E\n@@ -10,0 +11 @@\n+k\n")
    #expect(unified(3).contains("@@ -2,9 +2,10 @@\n"))
  }

  @Test func anAddedParagraphIsShownWhole() {
    let old = "# A\n\nfirst\n\n# B\n\nsecond\n"
    let new = "# A\n\nfirst\n\n# C\n\nthird\n\n# B\n\nsecond\n"
    let diff = TextDiff(from: Array(old.utf8), to: Array(new.utf8))
    #expect(diff.changes.count == 1 && diff.additions == 4 && diff.deletions == 0)
  }

  @Test func aContentIsBinaryByGitsRule() {
    #expect(!TextDiff.isBinary([]))
    #expect(!TextDiff.isBinary(Array("text\r\n\u{1B}\u{7F}ü".utf8) + [0xFF, 0xFE]))
    #expect(TextDiff.isBinary([0]))
    let long = [UInt8](repeating: 0x61, count: 7_999)
    #expect(TextDiff.isBinary(long + [0]))
    #expect(!TextDiff.isBinary(long + [0x61, 0]))
  }

  // MARK: Random texts

  @Test func randomPairsAreExact() throws {
    for seed in Campaign.seeds(default: Array(1...400)) {
      var random = SeededRandom(seed: seed)
      let (old, new) = RandomTexts.pair(&random)
      let diff = TextDiff(from: old, to: new)
      for context in [0, 1, 3, 1_000] {
        let unified = diff.unified(oldLabel: "a", newLabel: "b", context: context)
        #expect(try UnifiedPatch(unified).applied(to: old) == new, "seed \(seed), context \(context)")
      }
      #expect(diff.changes.allSatisfy { !$0.old.isEmpty || !$0.new.isEmpty }, "seed \(seed)")
      for (first, second) in zip(diff.changes, diff.changes.dropFirst()) {
        #expect(first.old.upperBound < second.old.lowerBound, "seed \(seed): \(first) touches \(second)")
      }
    }
  }

  @Test(.enabled(if: Tool.patch != nil))
  func thePatchProgramMakesTheOneTextTheOther() async throws {
    let folder = try TemporaryDirectory()
    let patch = try #require(Tool.patch)
    for seed in Campaign.seeds(default: Array(1...60)) {
      var random = SeededRandom(seed: seed)
      let (old, new) = RandomTexts.pair(&random)
      guard old != new else { continue }
      let unified = TextDiff(from: old, to: new).unified(oldLabel: "a", newLabel: "b")
      try FileSystem.replace(folder.file("text"), with: old)
      try FileSystem.replace(folder.file("patch"), with: unified)
      let result = try await patch.run(["--binary", "-s", "-f", folder.file("text"), folder.file("patch")])
      let said = String(decoding: result.output, as: UTF8.self) + result.errors
      #expect(result.ending == .exited(0), "seed \(seed): \(said)")
      // A text that becomes empty is removed by some versions of the program.
      let made = try FileSystem.exists(folder.file("text")) ? FileSystem.read(folder.file("text")) : []
      #expect(made == new, "seed \(seed)")
    }
  }

  @Test(.enabled(if: Tool.diff != nil))
  func noMoreLinesAreChangedThanByGNUDiff() async throws {
    let folder = try TemporaryDirectory()
    let program = try #require(Tool.diff)
    var (ours, theirs) = (0, 0)
    for seed in Campaign.seeds(default: Array(1...60)) {
      var random = SeededRandom(seed: seed)
      let (old, new) = RandomTexts.pair(&random)
      try FileSystem.replace(folder.file("old"), with: old)
      try FileSystem.replace(folder.file("new"), with: new)
      let diff = TextDiff(from: old, to: new)
      ours += diff.additions + diff.deletions
      let result = try await program.run(["-a", folder.file("old"), folder.file("new")])
      for line in result.output.split(separator: 10) where line.first == 0x3C || line.first == 0x3E { theirs += 1 }
    }
    #expect(ours <= theirs + theirs / 100, "ours \(ours), GNU diff's \(theirs)")
  }

  @Test func entirelyDifferentTextsEndInBoundedTime() {
    // Few different lines in no order: what a search for a shortest answer is slowest with.
    var random = SeededRandom(seed: 7)
    func text(_ lines: Int) -> [UInt8] {
      (0..<lines).flatMap { _ in Array("\(Int.random(in: 0..<50, using: &random))\n".utf8) }
    }
    let (old, new) = (text(8_000), text(8_000))
    let diff = TextDiff(from: old, to: new)
    #expect(diff.deletions <= 8_000 && diff.additions <= 8_000 && diff.deletions == diff.additions)
  }
}

/// Pairs of texts: edited, unrelated, with and without a final line feed, with CRLF, with bytes that are no text.
enum RandomTexts {
  static func pair(_ random: inout SeededRandom) -> (old: [UInt8], new: [UInt8]) {
    let count = [0, 1, 2, 5, 20, 100, 300].randomElement(using: &random) ?? 0
    let alphabet = [2, 4, 20, 1_000].randomElement(using: &random) ?? 2
    let ending: [UInt8] = Bool.random(using: &random) ? [10] : [13, 10]
    func line(_ random: inout SeededRandom) -> [UInt8] {
      let strange: [UInt8] = Int.random(in: 0..<20, using: &random) == 0 ? [0, 0xFF] : []
      return Array("\(Int.random(in: 0..<alphabet, using: &random))".utf8) + strange + ending
    }
    func lines(_ count: Int, _ random: inout SeededRandom) -> [[UInt8]] { (0..<count).map { _ in line(&random) } }
    let old = lines(count, &random)
    var new = old
    if Int.random(in: 0..<5, using: &random) == 0 {
      new = lines([0, 1, 5, 200].randomElement(using: &random) ?? 0, &random)
    } else {
      for _ in 0..<Int.random(in: 0..<12, using: &random) {
        let place = Int.random(in: 0...new.count, using: &random)
        let end = min(new.count, place + Int.random(in: 1..<6, using: &random))
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1: new.insert(contentsOf: lines(Int.random(in: 1..<5, using: &random), &random), at: place)
        case 2, 3: new.removeSubrange(place..<end)
        default:
          let moved = Array(new[place..<end])
          new.removeSubrange(place..<end)
          new.insert(contentsOf: moved, at: Int.random(in: 0...new.count, using: &random))
        }
      }
    }
    func text(_ lines: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
      var text = lines.flatMap { $0 }
      if Int.random(in: 0..<5, using: &random) < 2 { while text.last == 10 { text.removeLast() } }
      return text
    }
    return (text(old, &random), text(new, &random))
  }
}

/// Applies a unified difference; written from its definition (POSIX.1-2017, diff), without the code that makes it.
struct UnifiedPatch {
  struct Wrong: Error { var reason: String }

  private struct Hunk {
    var start = 0
    var old: [[UInt8]] = []
    var new: [[UInt8]] = []
  }

  private var hunks: [Hunk] = []

  init(_ unified: [UInt8]) throws {
    guard !unified.isEmpty else { return }
    guard unified.last == 10 else { throw Wrong(reason: "no line feed at the end") }
    var lines = unified.split(separator: 10, omittingEmptySubsequences: false).dropLast().map { Array($0) }[...]
    guard lines.count > 2, lines.removeFirst().starts(with: "--- ".utf8), lines.removeFirst().starts(with: "+++ ".utf8)
    else { throw Wrong(reason: "no heads") }
    var counts = (old: 0, new: 0)
    for line in lines {
      guard let mark = line.first else { throw Wrong(reason: "an empty line") }
      let text = Array(line.dropFirst()) + [10]
      if counts == (0, 0), mark == UInt8(ascii: "@") {
        let numbers = String(decoding: line, as: UTF8.self)
          .split(whereSeparator: { !$0.isNumber && $0 != "," }).map { $0.split(separator: ",").compactMap { Int($0) } }
        guard numbers.count == 2 else { throw Wrong(reason: "a hunk's head") }
        counts = (numbers[0].count > 1 ? numbers[0][1] : 1, numbers[1].count > 1 ? numbers[1][1] : 1)
        hunks.append(Hunk(start: numbers[0][0] - (counts.old == 0 ? 0 : 1)))
        continue
      }
      guard let last = hunks.indices.last else { throw Wrong(reason: "no hunk") }
      switch mark {
      case UInt8(ascii: " "):
        hunks[last].old.append(text)
        hunks[last].new.append(text)
        counts = (counts.old - 1, counts.new - 1)
        marks = (true, true)
      case UInt8(ascii: "-"):
        hunks[last].old.append(text)
        counts.old -= 1
        marks = (true, false)
      case UInt8(ascii: "+"):
        hunks[last].new.append(text)
        counts.new -= 1
        marks = (false, true)
      case UInt8(ascii: "\\"):
        if marks.old, let index = hunks[last].old.indices.last { hunks[last].old[index].removeLast() }
        if marks.new, let index = hunks[last].new.indices.last { hunks[last].new[index].removeLast() }
      default: throw Wrong(reason: "an unknown mark")
      }
    }
    guard counts == (0, 0) else { throw Wrong(reason: "a hunk's counts") }
  }

  /// Which texts the last line was of.
  private var marks = (old: false, new: false)

  func applied(to text: [UInt8]) throws -> [UInt8] {
    var lines: [[UInt8]] = text.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) + [10] }
    if let last = lines.popLast(), last.count > 1 { lines.append(Array(last.dropLast())) }
    var result: [UInt8] = []
    var next = 0
    for hunk in hunks {
      guard hunk.start >= next, hunk.start + hunk.old.count <= lines.count,
        Array(lines[hunk.start..<hunk.start + hunk.old.count]) == hunk.old
      else { throw Wrong(reason: "a hunk at \(hunk.start) does not fit") }
      result += lines[next..<hunk.start].flatMap { $0 } + hunk.new.flatMap { $0 }
      next = hunk.start + hunk.old.count
    }
    return result + lines[next...].flatMap { $0 }
  }
}

/// A program of the system that a test compares with.
struct Tool {
  static let patch = find("patch")
  static let diff = find("diff")

  let path: String

  private static func find(_ name: String) -> Tool? {
    ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + name }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
    .map { Tool(path: $0) }
  }

  func run(_ arguments: [String]) async throws -> (ending: ChildProcess.Ending, output: [UInt8], errors: String) {
    let program = try await TestProgram(path, arguments, environment: ["LC_ALL": "C", "PATH": "/usr/bin:/bin"])
    let output = try program.rest()
    return (try await program.process.ending(), output, try program.errors())
  }
}
