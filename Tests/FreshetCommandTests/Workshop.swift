import Foundation
import FreshetModel
import FreshetSystem
import FreshetTestKit
import Synchronization
import Testing

/// How a call of the built command ended and what it said.
struct Outcome {
  /// Its code; 128 and the number of the signal that killed it, as shells have it.
  var code: Int32
  var output: String
  var errors: String

  /// The lines of the output.
  var lines: [String] { output.split(separator: "\n").map { String($0) } }

  /// Each line as an object of JSON.
  func objects() throws -> [[String: Any]] {
    try lines.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
  }

  /// The last line as an object of JSON.
  func last() throws -> [String: Any] { try #require(try objects().last) }
}

/// A temporary folder with a home of its own, in which the built command is called.
final class Workshop: Sendable {
  /// Where the programs were built: beside the tests.
  static let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
  /// The package.
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  let path: String
  private let count = Mutex(0)

  init() throws {
    let place = FileManager.default.temporaryDirectory.appending(path: "freshet-command-\(UUID().uuidString)")
    path = place.path
    try FileManager.default.createDirectory(atPath: path + "/home", withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes a file, with the folders above it.
  func write(_ name: String, _ text: String) throws {
    let file = URL(filePath: path + "/" + name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }

  func text(_ name: String) throws -> String { try String(contentsOfFile: path + "/" + name, encoding: .utf8) }

  /// Puts a copy of the example handbook there, without any collection.
  func copyHandbook(to name: String) throws {
    let place = URL(filePath: path + "/" + name)
    try FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: URL(filePath: Self.package + "/Examples/handbook"), to: place)
    try? FileManager.default.removeItem(atPath: place.path + "/.freshet")
  }

  /// Two documents in `docs`.
  func writeDocuments() throws {
    try write("docs/keys.md", "# Keys\n\nRotate the keys once a year.\n")
    try write("docs/guide/backup.md", "# Backups\n\nRestore a backup every month, to know that it works.\n")
  }

  /// Calls `freshet` in a folder and waits for its end.
  func freshet(
    _ arguments: String...,
    at folder: String = "",
    environment: [String: String] = [:]
  ) async throws -> Outcome {
    try await run(Self.programs + "/freshet", arguments, at: folder, environment: environment)
  }

  /// What `freshet status` says of the service; `nil` when none runs.
  func daemon() async throws -> [String: Any]? {
    try await freshet("status", "--json").last()["daemon"] as? [String: Any]
  }

  /// Calls the command until its answer fits, or a minute is over.
  func wait(_ words: String..., until fits: (Outcome) throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    var outcome = Outcome(code: 0, output: "", errors: "")
    while ContinuousClock.now < deadline {
      outcome = try await run(Self.programs + "/freshet", words)
      if try fits(outcome) { return }
      try await Task.sleep(for: .milliseconds(200))
    }
    Issue.record("\(words): \(outcome.output) \(outcome.errors)")
  }

  /// Calls a program and waits for its end; `started` sees the process and a way to read stderr meanwhile.
  func run(
    _ program: String,
    _ arguments: [String],
    at folder: String = "",
    environment: [String: String] = [:],
    started: (@Sendable (Int32, String) async throws -> Void)? = nil
  ) async throws -> Outcome {
    let number = count.withLock { count in
      count += 1
      return count
    }
    let names = (path + "/home/\(number).out", path + "/home/\(number).err")
    var variables = [
      "HOME": path + "/home", "PATH": Self.programs + ":/usr/bin:/bin", "COLUMNS": "80", "LANG": "C.UTF-8",
      "FRESHET_EMBEDDER_PROVIDER": "hash",
    ]
    // The thread sanitizer watches the command as it watches the tests.
    for name in ["LD_PRELOAD", "TSAN_OPTIONS"] { variables[name] = ProcessInfo.processInfo.environment[name] }
    variables.merge(environment) { $1 }
    let flags = O_WRONLY | O_CREAT | O_EXCL
    let process = try await ChildProcess.spawn(
      executable: program,
      arguments: arguments,
      environment: variables,
      folder: folder.isEmpty ? path : path + "/" + folder,
      descriptors: [
        1: try Descriptor(opening: names.0, flags: flags), 2: try Descriptor(opening: names.1, flags: flags),
      ]
    )
    try await started?(process.number, names.1)
    let code =
      switch try await process.ending() {
      case .exited(let code): code
      case .signalled(let signal): 128 + signal
      }
    return Outcome(
      code: code,
      output: try String(contentsOfFile: names.0, encoding: .utf8),
      errors: try String(contentsOfFile: names.1, encoding: .utf8)
    )
  }
}
