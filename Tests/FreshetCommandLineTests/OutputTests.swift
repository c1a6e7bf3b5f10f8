import Foundation
import FreshetCommandLine
import FreshetModel
import Synchronization
import Testing

/// A clock that stands still until it is moved.
final class HandClock: Sendable {
  private let time = Mutex(Duration.zero)
  func advance(_ duration: Duration) { time.withLock { $0 += duration } }
  var now: Duration { time.withLock { $0 } }
}

@Suite struct OutputTests {
  @Test func jsonLinesAreWrittenWhole() throws {
    let file = try CapturedDescriptor()
    let output = OutputWriter(descriptor: file.descriptor)
    try output.json(["a": 1, "b": "x\ny"])
    try output.line("text")
    #expect(file.text == "")
    try output.flush()
    #expect(file.text == "{\"a\":1,\"b\":\"x\\ny\"}\ntext\n")
  }

  @Test func aClosedPipeIsAnErrorOfItsOwn() throws {
    Terminal.ignoreBrokenPipes()
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    let output = OutputWriter(descriptor: ends[1])
    try output.line("x")
    #expect(throws: OutputClosed.self) { try output.flush() }
    try output.flush()
  }

  @Test func aReaderThatTakesNothingIsWaitedForOnce() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let output = OutputWriter(descriptor: ends[1], patience: .milliseconds(50))
    let text = String(repeating: "x", count: 4 * OutputWriter.bufferSize)
    let start = ContinuousClock.now
    #expect(throws: FreshetError.self) { try output.write(text) }
    for _ in 0..<200 { #expect(throws: FreshetError.self) { try output.write(text) } }
    #expect(throws: FreshetError.self) { try output.flush() }
    let diagnostics = DiagnosticWriter(descriptor: ends[1], patience: .milliseconds(50))
    for _ in 0..<200 { diagnostics.line(text) }
    #expect(ContinuousClock.now - start < .seconds(8))
  }

  @Test func withoutATerminalThereIsNeitherBarNorColour() throws {
    let file = try CapturedDescriptor()
    let terminal = Terminal(descriptor: file.descriptor) { $0 == "COLUMNS" ? "120" : nil }
    #expect(!terminal.isInteractive && !terminal.hasColour)
    #expect(terminal.width == 120)
    #expect(Terminal(descriptor: file.descriptor) { _ in nil }.width == 80)
    #expect(TextStyle.red("x", false) == "x")
    #expect(TextStyle.red("x", true) == "\u{1B}[31mx\u{1B}[0m")
  }

  @Test func onATerminalTheEnvironmentDecidesOnColour() throws {
    var primary: Int32 = 0
    var secondary: Int32 = 0
    #expect(openpty(&primary, &secondary, nil, nil, nil) == 0)
    defer {
      close(primary)
      close(secondary)
    }
    var size = winsize(ws_row: 10, ws_col: 97, ws_xpixel: 0, ws_ypixel: 0)
    #expect(ioctl(secondary, UInt(TIOCSWINSZ), &size) == 0)
    let colourful = Terminal(descriptor: secondary) { $0 == "TERM" ? "xterm" : nil }
    #expect(colourful.isInteractive && colourful.hasColour && colourful.width == 97)
    size.ws_col = 60
    #expect(ioctl(secondary, UInt(TIOCSWINSZ), &size) == 0)
    #expect(colourful.width == 60)
    #expect(!Terminal(descriptor: secondary) { $0 == "NO_COLOR" ? "1" : nil }.hasColour)
    #expect(Terminal(descriptor: secondary) { $0 == "NO_COLOR" ? "" : nil }.hasColour)
    #expect(!Terminal(descriptor: secondary) { $0 == "TERM" ? "dumb" : nil }.isInteractive)
  }

  @Test func controlCharactersOfNamesDoNotReachTheTerminal() {
    #expect("a\u{1B}[31mb\nc\u{202E}d".displayable == "a\u{FFFD}[31mb c\u{FFFD}d")
    #expect("日本e\u{301}".displayWidth == 5)
    #expect("日本語".truncated(toWidth: 5) == "日本…")
    #expect("abc".truncated(toWidth: 3) == "abc")
  }

  @Test func tablesAlignAndCutTheFlexibleColumn() throws {
    var table = TextTable([.flexible("Document"), .right("Chunks"), .left("State")])
    table.add(["guide/a-rather-long-name-of-a-file.md", "12", "live"])
    table.add(["日本語.md", "1,234", "deleted"])
    try expectSnapshot("table.txt", table.text(width: nil))
    try expectSnapshot("table-narrow.txt", table.text(width: 40))
  }

  @Test func plainProgressComesAtMostEveryTwoSeconds() throws {
    let file = try CapturedDescriptor()
    let clock = HandClock()
    let progress = ProgressReporter(
      DiagnosticWriter(descriptor: file.descriptor),
      style: .lines,
      now: { clock.now }
    )
    for step in 0...100 {
      progress.update(
        ProgressState(
          activity: "Embedding",
          completed: step * 10,
          total: 2000,
          isTotalFinal: step > 50,
          unit: "chunks"
        )
      )
      clock.advance(.milliseconds(100))
    }
    progress.finish()
    try expectSnapshot("progress-lines.txt", file.text)
  }

  @Test func theBarShowsShareRateAndRoughTime() throws {
    let file = try CapturedDescriptor()
    let clock = HandClock()
    let writer = DiagnosticWriter(descriptor: file.descriptor)
    let progress = ProgressReporter(writer, style: .bar, now: { clock.now }, width: { 90 })
    for step in 0...4 {
      progress.update(ProgressState(activity: "Embedding", completed: step * 50, total: 1000, unit: "chunks"))
      clock.advance(.seconds(2))
    }
    writer.warning("one document failed")
    progress.finish()
    progress.finish()
    try expectSnapshot("progress-bar.txt", file.text.split(separator: "\r").joined(separator: "<CR>\n"))
  }

  @Test func theLastSecondsAreNotCounted() throws {
    let file = try CapturedDescriptor()
    let clock = HandClock()
    let progress = ProgressReporter(DiagnosticWriter(descriptor: file.descriptor), style: .lines, now: { clock.now })
    for step in 0...8 {
      progress.update(ProgressState(activity: "Embedding", completed: step * 10, total: 120, unit: "chunks"))
      clock.advance(.seconds(1))
    }
    #expect(file.text.contains("about 10 s left") && file.text.contains(", a few seconds left"))
    #expect(!file.text.contains("5.0 s") && !file.text.contains("about a few"))
  }

  @Test func quietShowsNothing() throws {
    let file = try CapturedDescriptor()
    let clock = HandClock()
    let progress = ProgressReporter(
      DiagnosticWriter(descriptor: file.descriptor),
      style: .silent,
      now: { clock.now }
    )
    for step in 0...9 {
      progress.update(ProgressState(activity: "Embedding", completed: step, unit: "chunks"))
      clock.advance(.seconds(5))
    }
    progress.finish()
    #expect(file.text == "")
  }

  @Test func theRateFollowsAChangeAndPromisesNothingTooEarly() {
    var estimate = ProgressEstimate()
    estimate.note(completed: 0, at: .zero)
    estimate.note(completed: 100, at: .seconds(1))
    #expect(estimate.rate == nil)
    #expect(estimate.remaining(total: 200) == nil)
    for second in 2...60 { estimate.note(completed: second * 100, at: .seconds(second)) }
    #expect(estimate.rate == 100)
    for second in 61...120 { estimate.note(completed: 6000 + (second - 60) * 10, at: .seconds(second)) }
    #expect(abs((estimate.rate ?? 0) - 10) < 1)
    #expect(abs((estimate.remaining(total: 6700)?.components.seconds ?? 0) - 10) <= 1)
  }
}

@Suite struct LoggerTests {
  @Test func linesAreWrittenInBothFormats() throws {
    let file = try CapturedDescriptor()
    let writer = DiagnosticWriter(descriptor: file.descriptor)
    let time = Timestamp(seconds: 1_700_000_000)
    let text = try Logger(level: .info, format: .text, diagnostics: writer, now: { time })
    text.info("Listed.", [.init("source", "docs"), .init("files", 12)])
    text.warning("Odd\u{1B}[2J name.")
    text.debug("Not shown.")
    let json = try Logger(level: .debug, format: .json, diagnostics: writer, now: { time })
    json.debug("Read.", [.init("path", "a\nb")])
    #expect(
      file.text == """
        info: Listed. source=docs files=12
        Warning: Odd\u{FFFD}[2J name.
        {"at":"2023-11-14T22:13:20.000Z","level":"debug","message":"Read.","path":"a\\nb"}

        """
    )
  }

  @Test func aFileIsAppendedToAndPrivate() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "freshet-log-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let errors = try CapturedDescriptor()
    for name in ["one", "two"] {
      let logger = try Logger(
        level: .info,
        format: .text,
        file: folder + "/a.log",
        diagnostics: DiagnosticWriter(descriptor: errors.descriptor),
        now: { .epoch }
      )
      logger.error(name)
    }
    let text = String(decoding: try Data(contentsOf: URL(filePath: folder + "/a.log")), as: UTF8.self)
    #expect(text == "1970-01-01T00:00:00.000Z error: one\n1970-01-01T00:00:00.000Z error: two\n")
    let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/a.log")
    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    #expect(errors.text == "")
    #expect(throws: FreshetError.self) {
      try Logger(
        level: .info,
        format: .text,
        file: folder + "/none/a.log",
        diagnostics: DiagnosticWriter(descriptor: errors.descriptor)
      )
    }
  }
}
