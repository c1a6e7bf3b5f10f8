import FreshetModel
import FreshetSources
import FreshetSystem

/// One data file of the coalescer: what happened, and what is released when.
///
///     # where the events are from
///     # options settle=500 paths=8
///     0.0 created notes.md
///     0.2 closed notes.md
///     > 40.2 notes.md
///
/// Times are milliseconds. A folder's path ends in a slash, the root's is `./`. Behind `>` stands what is released:
/// files, folders, `*` for everything, and after `!` what is not settled. When the coalescer asks whether a file is open
/// for writing, the answer is what the events say (yes when it is closed later), unless `writers` lines name another.
struct CoalescerCase {
  var options = WatchOptions()
  /// The lines that are not expectations.
  private(set) var given: [String] = []
  private(set) var expected: [String] = []
  private var events: [(time: Duration, event: WatchEvent)] = []
  private var answers: [(time: Duration, path: [UInt8], writers: FileWriters)] = []

  init(_ text: String) throws {
    for line in text.split(separator: "\n").map(String.init) {
      if line.hasPrefix(">") {
        expected.append(line)
        continue
      }
      given.append(line)
      if line.hasPrefix("# options ") {
        try setOptions(line.dropFirst(10))
      } else if !line.hasPrefix("#") {
        try add(line)
      }
    }
  }

  private mutating func setOptions(_ text: Substring) throws {
    for option in text.split(separator: " ") {
      let parts = option.split(separator: "=")
      guard parts.count == 2, let value = Int(parts[1]) else { throw Malformed(line: String(option)) }
      switch parts[0] {
      case "debounce": options.debounce = .milliseconds(value)
      case "settle": options.settle = .milliseconds(value)
      case "hold": options.holdLimit = .milliseconds(value)
      case "folder-hold": options.folderHoldLimit = .milliseconds(value)
      case "paths": options.pathsMax = value
      default: throw Malformed(line: String(option))
      }
    }
  }

  private mutating func add(_ line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    guard words.count >= 3, let time = Double(words[0]) else { throw Malformed(line: line) }
    let moment = Duration.microseconds(Int64((time * 1_000).rounded()))
    let isFolder = words[2].hasSuffix("/")
    let path = words[2] == "./" ? [] : Array((isFolder ? words[2].dropLast() : words[2][...]).utf8)
    let cookie = words.count > 3 ? UInt32(words[3]) : nil
    let event: WatchEvent
    switch (words[1], cookie) {
    case ("created", _): event = .created(path, isFolder: isFolder)
    case ("modified", _): event = .modified(path)
    case ("closed", _): event = .closed(path)
    case ("attributes", _): event = .attributes(path, isFolder: isFolder)
    case ("deleted", _): event = .deleted(path, isFolder: isFolder)
    case ("moved-from", let cookie?): event = .movedFrom(path, cookie: cookie, isFolder: isFolder)
    case ("moved-to", let cookie?): event = .movedTo(path, cookie: cookie, isFolder: isFolder)
    case ("lost", _): event = .lost(path)
    case ("writers", _):
      guard words.count > 3, let writers = FileWriters(rawValue: words[3]) else { throw Malformed(line: line) }
      answers.append((moment, path, writers))
      return
    default: throw Malformed(line: line)
    }
    events.append((moment, event))
  }

  /// Plays the events and answers the releases as lines.
  func play() -> [String] {
    var coalescer = WatchCoalescer(source: "s", options: options)
    var lines: [String] = []
    var rest = events[...]
    while true {
      let deadline = coalescer.nextDeadline
      if let next = rest.first, deadline.map({ next.time <= $0 }) ?? true {
        coalescer.receive(next.event, at: next.time)
        rest = rest.dropFirst()
        continue
      }
      guard let now = deadline else { return lines }
      let outcome = coalescer.take(at: now)
      for path in outcome.questions { coalescer.receive(.writers(path, writers(of: path, at: now, rest)), at: now) }
      if let release = outcome.release {
        let isListed = release.isEverything || !release.folders.isEmpty
        if isListed { coalescer.listed() }
        lines.append(Self.line(release, unsettled: isListed ? coalescer.unsettled : [], now))
      }
    }
  }

  private func writers(of path: [UInt8], at now: Duration, _ later: ArraySlice<(time: Duration, event: WatchEvent)>)
    -> FileWriters
  {
    if let answer = answers.last(where: { $0.path == path && $0.time <= now }) { return answer.writers }
    for (_, event) in later {
      switch event {
      case .closed(path): return .some
      case .created(path, _), .deleted(path, _), .movedFrom(path, _, _), .movedTo(path, _, _): return .none
      default: continue
      }
    }
    return .none
  }

  private static func line(_ release: WatchRelease, unsettled: Set<[UInt8]>, _ now: Duration) -> String {
    let microseconds = now.components.seconds * 1_000_000 + now.components.attoseconds / 1_000_000_000_000
    let time = "\(microseconds / 1_000).\(microseconds % 1_000 / 100)"
    let text = { (path: [UInt8]) in String(decoding: path, as: UTF8.self) }
    let words =
      (release.isEverything ? ["*"] : []) + release.files.map(text) + release.folders.map { text($0) + "/" }
      + unsettled.map { "!" + text($0) }.sorted()
    return "> " + ([time] + words).joined(separator: " ")
  }

  struct Malformed: Error {
    let line: String
  }
}
