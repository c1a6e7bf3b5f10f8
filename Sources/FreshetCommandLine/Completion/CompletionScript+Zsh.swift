extension CompletionScript {
  static func zsh(_ root: Verb) -> String {
    let places = places(root)
    var text = """
      #compdef \(root.name)
      # Completions of \(root.name) for zsh. Put this file as _\(root.name) into a folder of $fpath.

      """
    for place in places.reversed() {
      text += "\n\(zshFunction(place))() {\n"
      let isParent = !place.subverbs.isEmpty
      text += "  local curcontext=\"$curcontext\" state line\n  _arguments \(isParent ? "-C " : "")-s -S \\\n"
      var specifications = place.options.flatMap(zshOption)
      specifications.append(quoted("(- *)--help[Show help information.]"))
      if isParent {
        specifications += [quoted("1: :->verb"), quoted("*:: :->rest")]
      } else {
        specifications += place.verb.arguments.enumerated().map { index, argument in
          let place = argument.isRepeated ? "*" : (argument.isOptional ? "\(index + 1):" : "\(index + 1)")
          return quoted("\(place):\(argument.name):\(zshAction(argument.kind))")
        }
      }
      text += specifications.map { "    " + $0 }.joined(separator: " \\\n") + "\n"
      if isParent { text += zshVerbs(place) }
      text += "}\n"
    }
    return text + "\n_\(root.name) \"$@\"\n"
  }

  private static func zshFunction(_ place: Place) -> String { "_" + place.words.joined(separator: "_") }

  private static func zshVerbs(_ place: Place) -> String {
    let help = place.words.count == 1 ? ["help:Show the help of a verb."] : []
    let rows = place.subverbs.map { "\($0.name):\(escaped($0.overview, ":"))" } + help
    var text = "  case $state in\n    verb)\n      local -a verbs=(\n"
    text += rows.map { "        " + quoted($0) }.joined(separator: "\n")
    text += "\n      )\n      _describe -t verbs verb verbs\n      ;;\n    rest)\n      case $words[1] in\n"
    for verb in place.subverbs {
      text += "        \(verb.name)) \(zshFunction(place))_\(verb.name) ;;\n"
    }
    return text + "      esac\n      ;;\n  esac\n"
  }

  private static func zshOption(_ option: Option) -> [String] {
    let help = "[\(escaped(option.help, "[]"))]"
    let value = option.value.map { ":\($0):\(zshAction(option.kind))" } ?? ""
    let long = "--" + option.name + (option.value == nil ? "" : "=")
    guard let short = option.short else { return [quoted((option.isRepeated ? "*" : "") + long + help + value)] }
    let exclusion = option.isRepeated ? "*" : "(-\(short) --\(option.name))"
    return [
      quoted(exclusion + "-\(short)" + (option.value == nil ? "" : "+") + help + value),
      quoted(exclusion + long + help + value),
    ]
  }

  private static func zshAction(_ kind: ValueKind) -> String {
    switch kind {
    case .file: "_files"
    case .folder: "_files -/"
    case .choice(let words): "(" + words.joined(separator: " ") + ")"
    case .text, .integer, .number, .size, .duration: " "
    }
  }

  private static func escaped(_ text: String, _ characters: String) -> String {
    text.map { characters.contains($0) ? "\\\($0)" : String($0) }.joined()
  }
}
