import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetSystem

extension Verb {
  /// `freshet trust`.
  static let trust = Verb(
    "trust",
    overview: "Accept what a configuration names outside of its folder.",
    discussion: """
      A configuration that came with a repository may name servers, commands and folders elsewhere. They are used only \
      after this; a change of those keys asks again.
      """,
    options: [.flag("revoke", "Take the trust back.")],
    run: { invocation in
      let session = Session(invocation)
      let configuration = try session.untrustedConfiguration()
      let store = try session.trustStore()
      if invocation.flag("revoke") {
        let was = try store.revoke(configuration)
        if session.writesJSON {
          try session.output.json(["revoked": .boolean(was)])
        } else if !session.isQuiet {
          try session.output.line(was ? "Trust taken back." : "It was not trusted.")
        }
        return .success
      }
      try store.trust(configuration)
      if session.writesJSON {
        try session.output.json([
          "trusted": .array(
            configuration.trustRequirements.map { ["key": .string($0.key), "value": .string($0.value)] }
          )
        ])
      } else if !session.isQuiet {
        for requirement in configuration.trustRequirements {
          try session.output.line("\(requirement.key): \(requirement.value) (\(requirement.effect))".displayable)
        }
        try session.output.line(
          configuration.trustRequirements.isEmpty ? "The configuration asks for nothing that needs trust." : "Trusted."
        )
      }
      return .success
    }
  )
}
