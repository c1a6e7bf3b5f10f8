import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetSystem

extension Verb {
  /// `freshet init`.
  static let initialize = Verb(
    "init", overview: "Write a configuration for a folder.",
    arguments: [Argument("folder", .folder, isOptional: true, "The folder; the current one by default.")],
    options: [.flag("force", "Overwrite a configuration that is there.")],
    run: { invocation in
      let session = Session(invocation)
      let loader = try session.loader()
      let folder = loader.absolute(invocation.argument("folder") ?? ".")
      let file = folder + "/" + ConfigurationLoader.fileName
      guard try invocation.flag("force") || !FileSystem.exists(file) else {
        throw FreshetError(.invalidArgument, "is there already; --force overwrites it", path: file)
      }
      try FileSystem.replace(file, with: Array(Self.template.utf8))
      let configuration = try loader.load(file)
      // What this program wrote itself is trusted.
      try TrustStore.standard().trust(configuration)
      if session.writesJSON {
        try session.output.json(["configuration": .string(file)])
      } else if !session.isQuiet {
        try session.output.line("Wrote \(file.displayable). Edit it if you like, then run `freshet sync`.")
      }
      return .success
    })

  private static let template = """
    # What Freshet keeps in step here. Every key and its default: docs/configuration.md
    collection: .freshet
    sources:
      - path: .
        # include: ["**/*.md"]
        # exclude: ["drafts/**"]
        # metadata: { team: ops }
    # embedder: { provider: onnx, model: all-minilm-l6-v2 }

    """

  /// `freshet trust`.
  static let trust = Verb(
    "trust", overview: "Accept what a configuration names outside of its folder.",
    discussion: """
      A configuration that came with a repository may name servers, commands and folders elsewhere. They are used only \
      after this; a change of those keys asks again.
      """,
    options: [.flag("revoke", "Take the trust back.")],
    run: { invocation in
      let session = Session(invocation)
      let configuration = try session.untrustedConfiguration()
      let store = try TrustStore.standard()
      if invocation.flag("revoke") {
        let was = try store.revoke(configuration)
        if !session.isQuiet { try session.output.line(was ? "Trust taken back." : "It was not trusted.") }
        return .success
      }
      try store.trust(configuration)
      if session.writesJSON {
        try session.output.json([
          "trusted": .array(
            configuration.trustRequirements.map { ["key": .string($0.key), "value": .string($0.value)] })
        ])
      } else if !session.isQuiet {
        for requirement in configuration.trustRequirements {
          try session.output.line("\(requirement.key): \(requirement.value) (\(requirement.effect))".displayable)
        }
        try session.output.line(
          configuration.trustRequirements.isEmpty ? "The configuration asks for nothing that needs trust." : "Trusted.")
      }
      return .success
    })
}
