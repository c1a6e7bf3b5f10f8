import FreshetCommandLine
import FreshetModel
import Synchronization

/// A command with everything that a declaration can say.
struct SampleCommand {
  /// Keeps the last invocation.
  final class Recorder: Sendable {
    private let last = Mutex<Invocation?>(nil)
    var invocation: Invocation? { last.withLock { $0 } }
    func record(_ invocation: Invocation) { last.withLock { $0 = invocation } }
  }

  let recorder = Recorder()
  var failure: (any Error & Sendable)?

  var root: Verb {
    let recorder = recorder
    let failure = failure
    let run: @Sendable (Invocation) async throws -> ExitCode = { invocation in
      recorder.record(invocation)
      if let failure { throw failure }
      return invocation.flag("dry-run") ? .documentsFailed : .success
    }
    return Verb(
      "freshet",
      overview: "Keeps an index in step with its sources.",
      options: [
        .value("config", short: "c", "file", .file, "The configuration file."),
        .flag("quiet", short: "q", "Says nothing but errors."),
        .flag("verbose", short: "v", "Says more."),
        .value("log-format", "format", .choice(["text", "json"]), default: "text", "How log lines are written."),
        .flag("internal", isHidden: true, "Hidden."),
      ],
      verbs: [
        Verb(
          "sync",
          overview: "Brings the collection in step with its sources.",
          discussion: "Only what changed is read, and only what is new is embedded, however long that sentence becomes "
            + "before it ends.\n\nExamples:\n  freshet sync\n  freshet sync docs/guide.md",
          arguments: [
            Argument("path", .file, isOptional: true, isRepeated: true, "Files or folders to bring in step.")
          ],
          options: [
            .flag("dry-run", "Shows what would be done, with tokens and time."),
            .value("workers", "count", .integer(0...256), "Documents parsed at the same time."),
            .value("wait", "duration", .duration, "How long to wait for another process."),
            .value("filter", "expression", .text, isRepeated: true, "A condition; all of several must hold."),
            .flag("allow-mass-delete", "Deletes also when a large share of a source's documents is gone."),
          ],
          run: run
        ),
        Verb(
          "model",
          overview: "Shows and fetches embedding models.",
          verbs: [
            Verb("list", overview: "Lists the collection's models.", run: run),
            Verb(
              "use",
              overview: "Serves another model.",
              arguments: [Argument("model", .text, "The model's name.")],
              run: run
            ),
          ]
        ),
        Verb(
          "completions",
          overview: "Prints a shell's completion script.",
          arguments: [Argument("shell", .choice(["bash", "zsh", "fish"]), "The shell.")],
          run: run
        ),
        Verb("secret", overview: "Hidden.", isHidden: true, run: run),
      ]
    )
  }
}
