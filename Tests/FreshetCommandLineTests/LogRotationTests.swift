import FreshetCommandLine
import FreshetModel
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Log files that are begun anew when they are large.
@Suite struct LogRotationTests {
  private let folder: String

  init() throws {
    var template = Array("/tmp/freshet-log-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
    try #require(made)
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private var path: String { folder + "/freshet.log" }

  private func logger(_ format: LogFormat = .text, maximumSize: Int64 = 1_000, keep: Int = 3) throws -> Logger {
    try Logger(
      level: .info,
      format: format,
      file: path,
      maximumSize: maximumSize,
      keep: keep,
      diagnostics: DiagnosticWriter()
    )
  }

  private func read(_ path: String) -> String? {
    guard let stream = fopen(path, "r") else { return nil }
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, stream)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private func lines(_ path: String) -> [Substring] { read(path)?.split(separator: "\n") ?? [] }

  @Test(arguments: LogFormat.allCases)
  func aLargeFileIsBegunAnewAndTheOldestGoes(_ format: LogFormat) throws {
    let logger = try logger(format)
    for number in 0..<100 { logger.info("Line \(number) of a log that grows and grows.") }
    let files = [path + ".3", path + ".2", path + ".1", path]
    #expect(read(path + ".4") == nil)
    for file in files { #expect((1...1_000).contains(read(file)?.utf8.count ?? 0), "\(file)") }
    // The newest lines are there, in order, and each is whole.
    let kept = files.flatMap { lines($0) }
    for (place, line) in kept.enumerated() {
      #expect(line.contains("Line \(100 - kept.count + place) of a log that grows and grows."), "\(line)")
      if format == .json { #expect(line.hasPrefix("{") && line.hasSuffix("}")) }
    }
  }

  @Test func withoutABoundItGrowsAndWithNothingKeptItBeginsAnew() throws {
    let growing = try logger(maximumSize: 0)
    for number in 0..<100 { growing.info("Line \(number)") }
    #expect(lines(path).count == 100 && read(path + ".1") == nil)
    let forgetting = try logger(keep: 0)
    for number in 100..<110 { forgetting.info("Line \(number)") }
    #expect(lines(path).count == 10 && read(path + ".1") == nil)
  }

  @Test func fewerThatAreKeptTakeTheOthersAway() throws {
    let many = try logger(keep: 6)
    for number in 0..<200 { many.info("Line \(number) of a log that grows and grows.") }
    #expect(read(path + ".6") != nil)
    let few = try logger(keep: 2)
    for number in 0..<50 { few.info("Line \(number) of a log that grows and grows.") }
    #expect(read(path + ".2") != nil && (3...6).allSatisfy { read(path + ".\($0)") == nil })
  }

  @Test func severalWritersShareAFileAndNoLineIsLostOrTorn() async throws {
    let writers = 4
    let lines = 250
    // As many files as it takes: nothing goes.
    let loggers = try (0..<writers).map { _ in try logger(.json, maximumSize: 4_000, keep: 200) }
    await withTaskGroup(of: Void.self) { group in
      for (writer, logger) in loggers.enumerated() {
        group.addTask { for number in 0..<lines { logger.info("writer \(writer) line \(number).") } }
      }
    }
    var found: [String: Int] = [:]
    for file in [path] + (1...200).map({ path + ".\($0)" }) {
      for line in self.lines(file) {
        #expect(line.hasPrefix("{\"at\":") && line.hasSuffix("}"), "\(line)")
        for writer in 0..<writers where line.contains("writer \(writer) ") { found["\(writer)", default: 0] += 1 }
      }
    }
    #expect(found == ["0": lines, "1": lines, "2": lines, "3": lines])
    #expect(read(path + ".5") != nil)
  }

  @Test func aFileThatWasRenamedOrRemovedIsMadeAnew() throws {
    let logger = try logger(maximumSize: 0)
    logger.info("before")
    // As logrotate does it.
    rename(path, path + "-20261121")
    logger.info("after")
    #expect(lines(path).count == 1 && read(path)?.contains("after") == true)
    #expect(lines(path + "-20261121").count == 1)
    unlink(path)
    logger.info("later")
    #expect(read(path)?.contains("later") == true)
  }
}
