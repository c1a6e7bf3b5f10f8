extension CompletionScript {
  static func fish(_ root: Verb) -> String {
    let places = places(root)
    let function = "__\(root.name)_path"
    var text = """
      # Completions of \(root.name) for fish. Put this file into ~/.config/fish/completions/\(root.name).fish.
      function \(function)
        set -l path \(root.name)
        for word in (commandline -opc)[2..-1]
          switch "$path $word"
            case \(places.dropFirst().map { fishQuoted($0.path) }.joined(separator: " "))
              set path "$path $word"
          end
        end
        echo $path
      end
      complete -c \(root.name) -f

      """
    for place in places {
      let condition = fishQuoted("test (\(function)) = \"\(place.path)\"")
      let start = "complete -c \(root.name) -n \(condition)"
      for verb in place.subverbs { text += "\(start) -a \(verb.name) -d \(fishQuoted(verb.overview))\n" }
      if place.words.count == 1 { text += "\(start) -a help -d 'Show the help of a verb.'\n" }
      for option in place.options {
        var line = "\(start) -l \(option.name)"
        if let short = option.short { line += " -s \(short)" }
        if option.value != nil { line += fishValue(option.kind) }
        text += line + " -d \(fishQuoted(option.help))\n"
      }
      switch place.argumentKind {
      case .file: text += "\(start) -F\n"
      case .folder: text += "\(start) -a '(__fish_complete_directories)'\n"
      case .choice(let words): text += "\(start) -a \(fishQuoted(words.joined(separator: " ")))\n"
      default: break
      }
    }
    return text + "complete -c \(root.name) -l help -s h -d 'Show help information.'\n"
  }

  private static func fishValue(_ kind: ValueKind) -> String {
    switch kind {
    case .file: " -r -F"
    case .folder: " -x -a '(__fish_complete_directories)'"
    case .choice(let words): " -x -a \(fishQuoted(words.joined(separator: " ")))"
    case .text, .integer, .number, .size, .duration: " -x"
    }
  }

  private static func fishQuoted(_ text: String) -> String {
    "'" + text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "'"
  }
}
