import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The command `freshet`: declares the verbs; what they do is in the library.
@main
struct FreshetCommand {
  /// The released version.
  static let version = "0.1.0"

  static var root: Verb {
    Verb(
      "freshet",
      overview: "Keep a search index exactly in step with your documents, and prove it.",
      options: Session.options,
      verbs: [
        .initialize, .trust, .sync, .search, .status, .verify, .runs,
        .watch, .start, .stop, .reload, .service, .track, .list, .history, .show, .diff, .restore, .audit, .gc,
        .failures,
        .events, .stats,
        .health, .model, .reindex, .export, .migrate, .completions { FreshetCommand.root },
      ]
    )
  }

  static func main() async {
    Allocator.returnLargeBlocks()
    Terminal.ignoreBrokenPipes()
    Terminal.reserveStandardDescriptors()
    let interruptions = ProcessInterruptions()
    let application = CommandLineApplication(
      root,
      version: version,
      context: CallContext(interruptions: { try interruptions.stream() })
    )
    let code = await application.run(words)
    // Everything is written and closed. `exit` would run the destructors of the C++ libraries' globals, which threads that
    // still wait for work may be using.
    _exit(code.rawValue)
  }

  /// The words of the call, of which some may not be UTF-8: `CommandLine.arguments` would replace their bytes.
  private static var words: [String] {
    (1..<max(1, Int(CommandLine.argc))).compactMap { index in
      CommandLine.unsafeArgv[index].map { word in
        PathArgument.text(Array(UnsafeRawBufferPointer(start: word, count: strlen(word))))
      }
    }
  }
}
