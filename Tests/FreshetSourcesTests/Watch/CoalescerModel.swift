import FreshetSources
import FreshetTestKit

/// Follows a coalescer with the little that must hold whatever it decides.
struct CoalescerModel {
  private struct Touch {
    var first: Duration
    var last: Duration
  }

  private var options = WatchOptions(settle: .milliseconds(300), holdLimit: .seconds(3), folderHoldLimit: .seconds(2))
  private var coalescer: WatchCoalescer
  private var now = Duration.zero
  private var touched: [[UInt8]: Touch] = [:]
  private var cookie: UInt32 = 0
  /// Renames of names that were there before: both ends leave together.
  private var pairs: [(old: [UInt8], new: [UInt8])] = []
  private(set) var failures: [String] = []
  private(set) var releases = 0

  init(paths: Int) {
    options.pathsMax = paths
    coalescer = WatchCoalescer(source: "s", options: options)
  }

  static func event(_ random: inout SeededRandom) -> Int { Int.random(in: 0..<100, using: &random) }

  private static func path(_ random: inout SeededRandom) -> [UInt8] {
    let depth = Int.random(in: 1...3, using: &random)
    let names = (0..<depth).map { _ in ["a", "b", "c", "d"][Int.random(in: 0..<4, using: &random)] }
    return Array(names.joined(separator: "/").utf8)
  }

  mutating func wait(_ duration: Duration) {
    let end = now + duration
    var random = SeededRandom(seed: 0)
    while let deadline = coalescer.nextDeadline, deadline <= end {
      now = max(now, deadline)
      step(&random)
    }
    now = end
  }

  mutating func receive(_ kind: Int, _ random: inout SeededRandom) {
    let path = Self.path(&random)
    switch kind {
    case 0..<20: send(.created(path, isFolder: false), [path])
    case 20..<45: send(.modified(path), [path])
    case 45..<65: send(.closed(path), [path])
    case 65..<70: send(.attributes(path, isFolder: Bool.random(using: &random)), [path])
    case 70..<85: send(.deleted(path, isFolder: kind > 80), [path])
    case 85..<97:
      cookie += 1
      let wasQuiet = touched[path] == nil
      // What was in a folder that moves is the folder's: its own names may come anew, and stand for themselves then.
      if kind > 94 { pairs.removeAll { Self.isBelow($0.old, path) || Self.isBelow($0.new, path) } }
      send(.movedFrom(path, cookie: cookie, isFolder: kind > 94), [path])
      let other = Self.path(&random)
      if kind != 90, wasQuiet, path != other, !Self.isBelow(path, other), !Self.isBelow(other, path) {
        pairs.append((path, other))
      }
      if kind != 90 { send(.movedTo(other, cookie: cookie, isFolder: kind > 94), [other]) }
    case 97: send(.lost(path), [path])
    default: send(.created(path, isFolder: true), [])
    }
  }

  mutating func drain(_ random: inout SeededRandom) {
    while let deadline = coalescer.nextDeadline {
      now = max(now, deadline)
      step(&random)
    }
    if !touched.isEmpty { failures.append("\(touched.count) paths were never released") }
    if coalescer.pendingCount > 0 { failures.append("\(coalescer.pendingCount) paths are left") }
  }

  private mutating func send(_ event: WatchEvent, _ paths: [[UInt8]]) {
    coalescer.receive(event, at: now)
    for path in paths { touched[path] = Touch(first: touched[path]?.first ?? now, last: now) }
    if coalescer.pendingCount > options.pathsMax { failures.append("\(coalescer.pendingCount) paths wait") }
  }

  private mutating func step(_ random: inout SeededRandom) {
    let outcome = coalescer.take(at: now)
    for path in outcome.questions {
      let answers: [FileWriters] = [.some, .none, .unknown]
      coalescer.receive(.writers(path, answers[Int.random(in: 0..<3, using: &random)]), at: now)
    }
    guard let release = outcome.release else { return }
    releases += 1
    if release.isEverything || !release.folders.isEmpty { coalescer.listed() }
    // Two limits: a path that joins a group shortly before its end waits for its own.
    let longest = options.holdLimit * 2 + options.folderHoldLimit
    for (path, touch) in touched where Self.covers(release, path) {
      if now - touch.first > longest { failures.append("a path waited \(now - touch.first)") }
      touched[path] = nil
    }
    for (old, new) in pairs where Self.covers(release, old) != Self.covers(release, new) {
      failures.append("only one end of \(old) → \(new) was released")
    }
    pairs.removeAll { Self.covers(release, $0.old) || Self.covers(release, $0.new) }
    for path in release.files where release.folders.contains(where: { Self.isBelow(path, $0) }) {
      failures.append("a file is named beside its folder: \(path)")
    }
  }

  private static func covers(_ release: WatchRelease, _ path: [UInt8]) -> Bool {
    release.isEverything || release.files.contains(path)
      || release.folders.contains { $0 == path || isBelow(path, $0) }
  }

  private static func isBelow(_ path: [UInt8], _ folder: [UInt8]) -> Bool {
    path.starts(with: folder + [UInt8(ascii: "/")])
  }
}
