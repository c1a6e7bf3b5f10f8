import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet completions`, for the verbs that are given.
  static func completions(of root: @escaping @Sendable () -> Verb) -> Verb {
    Verb(
      "completions",
      overview: "Print a completion script for a shell.",
      arguments: [Argument("shell", .choice(Shell.allCases.map(\.rawValue)), "bash, zsh or fish.")],
      run: { invocation in
        let session = Session(invocation)
        guard let shell = invocation.argument("shell").flatMap(Shell.init) else { return .usage }
        try session.output.write(CompletionScript.text(for: shell, root: root()))
        return .success
      }
    )
  }
}
