import FreshetCommandLine
import FreshetModel
import Testing

@Suite struct CallTests {
  @Test func optionsAreUnderstoodInEveryForm() async throws {
    let sample = SampleCommand()
    let result = try await capture(
      sample.root,
      [
        "-qv", "sync", "a.md", "--workers=3", "-cfile.yaml", "--wait", "5m", "--filter", "a = 1", "--filter=b", "--",
        "--odd", "-",
      ]
    )
    #expect(result.code == .success)
    #expect(result.errors == "")
    let call = try #require(sample.recorder.invocation)
    #expect(call.path == ["freshet", "sync"])
    #expect(call.flag("quiet") && call.flag("verbose") && !call.flag("dry-run"))
    #expect(call.integer("workers") == 3)
    #expect(call.value("config") == "file.yaml")
    #expect(call.duration("wait") == .seconds(300))
    #expect(call.values("filter") == ["a = 1", "b"])
    #expect(call.arguments("path") == ["a.md", "--odd", "-"])
  }

  @Test func aVerbsAnswerIsTheExitCode() async throws {
    #expect(try await capture(SampleCommand().root, ["sync", "--dry-run"]).code == .documentsFailed)
  }

  @Test(arguments: [
    ["snyc"], ["sync", "--dry-rum"], ["sync", "--workers"], ["sync", "--workers", "--dry-run"],
    ["sync", "--workers", "many"], ["sync", "--workers=1", "--workers=2"], ["sync", "--dry-run=yes"], ["sync", "-x"],
    ["--log-format", "jsn", "sync"], ["model"], ["model", "lsit"], ["model", "use"], ["model", "use", "a", "b"],
    ["completions", "tcsh"], [], ["help", "snc"], ["sync", "--wait", "5"], ["sync", "--nothing-like-it\u{1B}[31m"],
  ])
  func aWrongCallIsToldWithTheUsageAndEndsWith64(words: [String]) async throws {
    let result = try await capture(SampleCommand().root, words)
    #expect(result.code == .usage)
    #expect(result.output == "")
    let name = words.isEmpty ? "nothing" : words.joined(separator: "_").filter { $0.isLetter || $0 == "_" || $0 == "-" }
    try expectSnapshot("error-\(name).txt", result.errors)
  }

  @Test(
    arguments: [
      (FreshetError(.noCollection, "There is no collection here; run `freshet init`."), 10),
      (FreshetError(.locked, "Process 12 writes the collection."), 11),
      (FreshetError(.deletionsHeld, "Held."), 4), (FreshetError(.storeFailed, "Failed.", path: "/x"), 1),
      (FreshetError(.invalidArgument, "Wrong."), 64),
    ] as [(FreshetError, Int32)]
  )
  func aFailureHasItsExitCode(error: FreshetError, code: Int32) async throws {
    let result = try await capture(SampleCommand(failure: error).root, ["sync"])
    #expect(result.code.rawValue == code)
    #expect(result.errors == "Error: \(error)\n")
  }

  @Test func anInterruptionEndsWith130AndAClosedOutputQuietly() async throws {
    #expect(try await capture(SampleCommand(failure: CancellationError()).root, ["sync"]).code == .interrupted)
    let closed = try await capture(SampleCommand(failure: OutputClosed()).root, ["sync"])
    #expect(closed.code == .success)
    #expect(closed.errors == "")
  }

  @Test func helpIsTheSameHoweverItIsAskedFor() async throws {
    let root = SampleCommand().root
    let pages = [
      try await capture(root, ["help", "sync"]), try await capture(root, ["sync", "--help"]),
      try await capture(root, ["sync", "x", "-h"]),
    ]
    for page in pages { #expect(page.code == .success && page.output == pages[0].output && page.errors == "") }
    try expectSnapshot("help-sync.txt", pages[0].output)
    try expectSnapshot("help.txt", try await capture(root, ["--help"]).output)
    try expectSnapshot("help-model.txt", try await capture(root, ["help", "model"]).output)
    #expect(try await capture(root, ["--version"]).output == "1.2.3\n")
  }

  @Test func aVerbsOwnOptionIsStrongerThanTheCommandsVersion() async throws {
    let verb = Verb(
      "show",
      overview: "Prints a document.",
      options: [.value("version", "number", .integer(1...9), "The version.")],
      run: { $0.integer("version") == 3 ? .success : .failure }
    )
    let root = Verb("freshet", overview: "Root.", verbs: [verb])
    #expect(try await capture(root, ["show", "--version", "3"]).code == .success)
    #expect(try await capture(root, ["show", "--version=3"]).code == .success)
    #expect(try await capture(root, ["--version"]).output == "1.2.3\n")
    let help = try await capture(root, ["help", "show"]).output
    #expect(help.contains("--version <number>") && !help.contains("Show the version."))
  }

  @Test(arguments: Shell.allCases)
  func completionsComeFromTheDeclarations(shell: Shell) throws {
    try expectSnapshot("completions.\(shell.rawValue)", CompletionScript.text(for: shell, root: SampleCommand().root))
  }
}
