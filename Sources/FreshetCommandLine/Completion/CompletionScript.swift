/// The shells that completions are made for.
public enum Shell: String, Sendable, CaseIterable {
  case bash
  case zsh
  case fish
}

/// Completion scripts, made from the declarations alone: they call nothing when they run.
public enum CompletionScript {
  /// The script for a shell, to be sourced or put where the shell looks.
  public static func text(for shell: Shell, root: Verb) -> String {
    switch shell {
    case .bash: bash(root)
    case .zsh: zsh(root)
    case .fish: fish(root)
    }
  }

  /// A verb with the words that lead to it and every option that it understands.
  struct Place {
    var words: [String]
    var verb: Verb
    var options: [Option]

    var path: String { words.joined(separator: " ") }
    var subverbs: [Verb] { verb.verbs.filter { !$0.isHidden } }
    /// What the first argument is, when the shell can complete it.
    var argumentKind: ValueKind? { verb.arguments.first?.kind }
  }

  /// The root and every verb below it that is not hidden, parents first.
  static func places(_ root: Verb) -> [Place] {
    func below(_ verb: Verb, _ words: [String], _ inherited: [Option]) -> [Place] {
      let options = inherited + verb.options.filter { !$0.isHidden }
      let here = Place(words: words, verb: verb, options: options)
      return [here] + here.subverbs.flatMap { below($0, words + [$0.name], options) }
    }
    return below(root, [root.name], [])
  }

  static func quoted(_ text: String) -> String {
    "'" + text.map { $0 == "'" ? "'\\''" : String($0) }.joined() + "'"
  }
}
