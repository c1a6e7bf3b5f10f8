import FreshetModel

/// What a call asks for.
enum Call {
  case run(Verb, Invocation)
  /// Help for the verb at the end of the path.
  case help([Verb])
  case version
}

/// Reads a call's words by the declaration of the root verb: pure.
struct CallParser {
  private let root: Verb
  private var path: [Verb]
  private var flags: Set<String> = []
  private var values: [String: [String]] = [:]
  private var positional: [String] = []
  private var wantsHelp = false
  private var wantsVersion = false

  /// - Parameter words: what follows the command's own name.
  /// - Throws: `UsageError`.
  static func parse(_ words: [String], root: Verb) throws -> Call {
    var parser = CallParser(root: root)
    return try parser.parse(words)
  }

  private init(root: Verb) {
    self.root = root
    path = [root]
  }

  private var names: [String] { path.map(\.name) }
  private var verb: Verb { path.last ?? root }

  private mutating func parse(_ words: [String]) throws -> Call {
    if words.first == "help" { return .help(try verbs(named: words.dropFirst().filter { !$0.hasPrefix("-") })) }
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        positional += rest
        break
      } else if word.hasPrefix("--") {
        try long(word, &rest)
      } else if word.hasPrefix("-"), word != "-", !isNumberForArgument(word) {
        try cluster(word, &rest)
      } else if positional.isEmpty, let next = verb.verbs.first(where: { $0.name == word }) {
        path.append(next)
      } else {
        positional.append(word)
      }
    }
    if wantsHelp { return .help(path) }
    if wantsVersion { return .version }
    return .run(verb, try invocation())
  }

  /// A negative number stands for itself where an argument may be one.
  private func isNumberForArgument(_ word: String) -> Bool {
    Double(word) != nil
      && verb.arguments.contains {
        switch $0.kind {
        case .integer, .number: true
        default: false
        }
      }
  }

  private mutating func long(_ word: String, _ rest: inout ArraySlice<String>) throws {
    let body = word.dropFirst(2)
    let name = String(body.prefix { $0 != "=" })
    let attached = body.count > name.count ? String(body.dropFirst(name.count + 1)) : nil
    // A verb may have an option of one of these names: `show --version 3`.
    if let option = options.first(where: { $0.name == name }) {
      try take(option, written: "--\(name)", attached: attached, &rest)
    } else if attached == nil, name == "help" {
      wantsHelp = true
    } else if attached == nil, name == "version" {
      wantsVersion = true
    } else {
      throw unknown("--\(name)")
    }
  }

  /// `-qv`, `-c file`, `-cfile`, `-c=file`.
  private mutating func cluster(_ word: String, _ rest: inout ArraySlice<String>) throws {
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      if letter == "h", !options.contains(where: { $0.short == "h" }) {
        wantsHelp = true
        continue
      }
      guard let option = options.first(where: { $0.short == letter }) else { throw unknown("-\(letter)") }
      if option.value == nil {
        flags.insert(option.name)
        continue
      }
      if letters.first == "=" { letters = letters.dropFirst() }
      try take(option, written: "-\(letter)", attached: letters.isEmpty ? nil : String(letters), &rest)
      return
    }
  }

  private mutating func take(
    _ option: Option,
    written: String,
    attached: String?,
    _ rest: inout ArraySlice<String>
  ) throws {
    guard let valueName = option.value else {
      guard attached == nil else { throw error("The option '\(written)' takes no value.") }
      flags.insert(option.name)
      return
    }
    guard let value = attached ?? rest.popFirst() else {
      throw error("The option '\(written)' needs a value: '\(written) <\(valueName)>'.")
    }
    if attached == nil, value.hasPrefix("--"), value != "--" || !option.isRepeated, knows(value) {
      throw error("The option '\(written)' needs a value; '\(value)' is the next option.")
    }
    if let problem = option.kind.problem(of: value) {
      throw error("The value '\(value)' of '\(written)' \(problem).")
    }
    if !option.isRepeated, values[option.name] != nil {
      throw error("The option '\(written)' may stand only once.")
    }
    values[option.name, default: []].append(value)
  }

  private func knows(_ word: String) -> Bool {
    options.contains { "--\($0.name)" == word.prefix { $0 != "=" } }
  }

  private var options: [Option] { path.flatMap(\.options) }

  private func invocation() throws -> Invocation {
    if verb.run == nil {
      if let word = positional.first { throw unknownVerb(word, in: path) }
      throw error(verb.verbs.isEmpty ? "The verb '\(verb.name)' does nothing." : "A verb is missing.")
    }
    if verb.arguments.isEmpty, !verb.verbs.isEmpty, let word = positional.first { throw unknownVerb(word, in: path) }
    var arguments: [String: [String]] = [:]
    var rest = positional[...]
    for argument in verb.arguments {
      let taken = argument.isRepeated ? Array(rest) : rest.first.map { [$0] } ?? []
      guard !taken.isEmpty || argument.isOptional else {
        throw error("The argument '<\(argument.name)>' is missing.")
      }
      for value in taken {
        if let problem = argument.kind.problem(of: value) {
          throw error("The value '\(value)' of '<\(argument.name)>' \(problem).")
        }
      }
      rest = rest.dropFirst(taken.count)
      if !taken.isEmpty { arguments[argument.name] = taken }
    }
    if let extra = rest.first { throw error("The argument '\(extra)' is one too many.") }
    return Invocation(path: names, flags: flags, optionValues: values, argumentValues: arguments)
  }

  private func verbs(named words: some Sequence<String>) throws -> [Verb] {
    var found = [root]
    for word in words {
      guard let next = found.last?.verbs.first(where: { $0.name == word }) else { throw unknownVerb(word, in: found) }
      found.append(next)
    }
    return found
  }

  // MARK: Errors

  private func error(_ message: String) -> UsageError { UsageError(message, path: names) }

  private func unknown(_ written: String) -> UsageError {
    let candidates = options.filter { !$0.isHidden }.map { "--\($0.name)" } + ["--help", "--version"]
    let suggestion =
      written.hasPrefix("--")
      ? NearestName.suggestion(for: written, among: candidates).map { " Did you mean '\($0)'?" } ?? "" : ""
    return error("There is no option '\(written)'.\(suggestion)")
  }

  private func unknownVerb(_ word: String, in path: [Verb]) -> UsageError {
    let candidates = (path.last?.verbs ?? []).filter { !$0.isHidden }.map(\.name) + (path.count == 1 ? ["help"] : [])
    let suggestion = NearestName.suggestion(for: word, among: candidates).map { " Did you mean '\($0)'?" } ?? ""
    return UsageError("There is no verb '\(word)'.\(suggestion)", path: path.map(\.name))
  }
}
