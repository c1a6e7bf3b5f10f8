import FreshetModel

extension ConfigurationDraft {
  /// Checks webhooks and mail across their keys, and makes their paths absolute.
  func checkEvents(_ result: inout Configuration, home: String?) throws {
    var first: [String: Int] = [:]
    for (index, hook) in result.webhooks.enumerated() {
      let key = "webhooks[\(index + 1)]"
      guard !hook.name.isEmpty else { throw problem(key, "needs a `name`: its position is kept under it.") }
      if let other = first.updateValue(index, forKey: hook.name) {
        throw problem(key, "has the name `\(hook.name)`, which `webhooks[\(other + 1)]` has already.")
      }
      guard (hook.url == nil) != (hook.urlVariable == nil) else {
        throw problem(key, "needs either a `url` or a `url_env`.")
      }
      try checkFilter(key, sources: hook.sources, patterns: hook.patterns, of: result)
    }
    let mail = result.mail
    guard mail.server != nil else { return }
    try checkFilter("mail", sources: mail.sources, patterns: mail.patterns, of: result)
    guard !mail.from.isEmpty else { throw problem("mail.from", "is missing: name the sender's address.") }
    guard !mail.to.isEmpty else { throw problem("mail.to", "is missing: name at least one recipient.") }
    guard mail.encryption == .required || mail.userVariable == nil && mail.passwordVariable == nil else {
      throw problem("mail.tls", "must be `required` where somebody logs in: a password is not sent without encryption.")
    }
    guard mail.passwordVariable == nil || mail.userVariable != nil else {
      throw problem("mail.password_env", "needs `mail.user_env` beside it.")
    }
    if let file = mail.certificateFile {
      result.mail.certificateFile = ConfigurationPath.absolute(file, in: result.folder, home: home)
    }
  }

  /// A filter that nothing can pass is a slip.
  private func checkFilter(_ key: String, sources: [String], patterns: [String], of result: Configuration) throws {
    let names = result.sources.map(\.name)
    if let unknown = sources.first(where: { !names.contains($0) }) {
      throw problem(
        "\(key).sources",
        "names `\(unknown.shown)`, which is no source; the sources are "
          + names.map { "`\($0.shown)`" }.joined(separator: ", ") + "."
      )
    }
    if let pattern = patterns.first(where: { !ShellPattern.isComplete($0) }) {
      throw problem(
        "\(key).pattern",
        "has `\(pattern.shown)`, whose `[` does not end; for the mark itself write `\\[`."
      )
    }
  }

  /// What of webhooks and mail needs the user's word: where documents' names and metadata go, and with whose secrets.
  func eventRequirements(of result: Configuration) -> [TrustRequirement] {
    var requirements: [TrustRequirement] = []
    func add(_ key: String, _ value: String?, _ effect: String) {
      guard let value, fileKeys.contains(key) else { return }
      requirements.append(TrustRequirement(key: key, value: value, effect: effect))
    }
    for (index, hook) in result.webhooks.enumerated() {
      let key = "webhooks[\(index + 1)]"
      add("\(key).url", hook.url, "tells this address what changes, with names and metadata of documents")
      add(
        "\(key).url_env",
        hook.urlVariable,
        "tells the address in this environment variable what changes, with names and metadata of documents"
      )
      add("\(key).secret_env", hook.secretVariable, "signs with the content of this environment variable")
      if hook.allowsPrivateAddresses { add("\(key).private", "true", "may reach private addresses") }
    }
    let mail = result.mail
    guard mail.server != nil else { return requirements }
    add("mail.server", mail.server, "sends mail about changes over this server")
    add("mail.to", mail.to.joined(separator: ", "), "gets mail about changes, with names of documents")
    add("mail.user_env", mail.userVariable, "sends the content of this environment variable")
    add("mail.password_env", mail.passwordVariable, "sends the content of this environment variable")
    add("mail.ca_file", mail.certificateFile, "trusts the mail server by these certificates")
    if mail.allowsPrivateAddresses { add("mail.private", "true", "may reach private addresses") }
    return requirements
  }
}
