extension CompletionScript {
  static func bash(_ root: Verb) -> String {
    let places = places(root)
    let function = "_" + root.name
    var text = """
      # Completions of \(root.name) for bash. Put this file into ~/.local/share/bash-completion/completions/\(root.name)
      # or source it.
      \(function)() {
        local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path=\(root.name) index words='' paths=''
        for ((index = 1; index < COMP_CWORD; index++)); do
          case "$path ${COMP_WORDS[index]}" in
            \(places.dropFirst().map { quoted($0.path) }.joined(separator: "|"))) path+=" ${COMP_WORDS[index]}" ;;
          esac
        done
        COMPREPLY=()
        case "$path $previous" in

      """
    for place in places {
      for option in place.options where option.value != nil {
        var patterns = [quoted("\(place.path) --\(option.name)")]
        if let short = option.short { patterns.append(quoted("\(place.path) -\(short)")) }
        text += "    \(patterns.joined(separator: "|"))) \(bashValue(option.kind)); return ;;\n"
      }
    }
    text += "  esac\n  case $path in\n"
    for place in places {
      let names =
        place.subverbs.map(\.name) + (place.words.count == 1 ? ["help"] : []) + argumentWords(place)
        + place.options.map { "--" + $0.name } + ["--help"]
      var line = "    \(quoted(place.path))) words=\(quoted(names.joined(separator: " ")))"
      if place.argumentKind == .file { line += "; paths=-f" }
      if place.argumentKind == .folder { line += "; paths=-d" }
      text += line + " ;;\n"
    }
    return text + """
        esac
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        if [[ -n $paths && $current != -* ]]; then
          compopt -o filenames
          mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$paths" -- "$current")
        fi
      }
      complete -F \(function) \(root.name)

      """
  }

  private static func argumentWords(_ place: Place) -> [String] {
    if case .choice(let words) = place.argumentKind { words } else { [] }
  }

  private static func bashValue(_ kind: ValueKind) -> String {
    switch kind {
    case .file: "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")"
    case .folder: "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")"
    case .choice(let words):
      "mapfile -t COMPREPLY < <(compgen -W \(quoted(words.joined(separator: " "))) -- \"$current\")"
    case .text, .integer, .number, .size, .duration: ":"
    }
  }
}
